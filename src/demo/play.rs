//! Plays a scenario from its first day to the present, a few days at a stride: time passes, people join, customers buy all at
//! once, and on payday the desk pays. What was told is recognised by the colleague who joins last.

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt, TryStreamExt};

use super::chance::Chance;
use super::company::{Company, PASSWORD};
use super::doors::Doors;
use super::story::{self, Came, Happening, LAST_DAY, PARTNERS, Purchase};
use super::{Address, DemoSummary, Error, Login, SEED, Scenario};
use crate::Engine;
use crate::pipeline::{inbox, mature};

const STRIDE_DAYS: i64 = 3;
const AT_ONCE: usize = 8;
const WORKERS: usize = 3;

pub async fn play(engine: &Engine, app_url: &str, scenario: &'static Scenario) -> Result<DemoSummary, Error> {
    let Some(sandbox) = engine.config.stripe.api_base.as_deref().filter(|_| engine.clock.is_sandbox()) else {
        return Err(Error::NoSandbox);
    };
    let told = Company::is_complete(engine).await?;
    if !told {
        let doors = Doors::new(app_url, sandbox)?;
        let company = Company::found(engine, &doors, sandbox).await?;
        let mut teller =
            Teller { engine, doors, company, began: engine.clock.now().await, day: 0, chance: Chance::new(SEED) };
        teller.tell(scenario).await?;
    }
    Ok(summary(engine, sandbox, scenario, told))
}

struct Teller<'a> {
    engine: &'a Engine,
    doors: Doors,
    company: Company<'a>,
    began: DateTime<Utc>,
    day: i64,
    chance: Chance,
}

impl Teller<'_> {
    async fn tell(&mut self, scenario: &Scenario) -> Result<(), Error> {
        let ends = self.began + TimeDelta::days(scenario.history_days);
        let mut timetable = story::timetable(SEED).into_iter().peekable();
        if scenario.history_days < LAST_DAY {
            // On the first day everybody has joined, and nothing else happened yet.
            for partner in PARTNERS {
                self.company.enroll(partner).await?;
            }
        } else {
            while let Some((day, _)) = timetable.peek() {
                let stride = day / STRIDE_DAYS;
                let mut now_due = Vec::new();
                while let Some((_, due)) = timetable.next_if(|(day, _)| day / STRIDE_DAYS == stride) {
                    now_due.push(due);
                }
                self.pass_to(stride * STRIDE_DAYS).await?;
                self.live(now_due).await?;
            }
        }
        self.pass_until(ends).await?;
        self.take_in().await?;
        self.company.present_day((scenario.history_days >= LAST_DAY).then_some(story::DRAFTED)).await
    }

    /// Lets time pass to some hour of the day.
    async fn pass_to(&mut self, day: i64) -> Result<(), Error> {
        if day > self.day {
            let hour = i64::try_from(self.chance.below(14)).unwrap_or(0);
            self.day = day;
            self.pass_until(self.began + TimeDelta::days(day) + TimeDelta::hours(hour)).await?;
        }
        Ok(())
    }

    async fn pass_until(&mut self, time: DateTime<Utc>) -> Result<(), Error> {
        let seconds = (time - self.doors.now().await?).num_seconds();
        if seconds > 0 {
            self.doors.advance(seconds).await?;
        }
        Ok(())
    }

    /// Everything that happens within one stride, in the order: people, customers, payday.
    async fn live(&mut self, happenings: Vec<Happening>) -> Result<(), Error> {
        let (mut shopping, mut paydays, mut cases) = (Vec::new(), Vec::new(), Vec::new());
        let mut claims = Vec::new();
        for happening in happenings {
            match happening {
                Happening::Joins(partner) => self.company.enroll(partner).await?,
                Happening::Connects(partner) => self.company.connect(partner).await?,
                Happening::Visits { code, times } => {
                    for _ in 0..times {
                        self.doors.follow_link(code).await?;
                    }
                }
                Happening::Buys(purchase) => shopping.push(purchase),
                Happening::Pays { program, closing } => paydays.push((program, closing)),
                Happening::Claims { partner, customer } => claims.push((partner, customer)),
                Happening::LooksInto(partner) => cases.push(partner),
            }
        }
        self.shop(shopping).await?;
        self.take_in().await?;
        for (program, closing) in paydays {
            self.company.pay(program, closing).await?;
            self.take_in().await?;
        }
        for (partner, customer) in claims {
            self.company.claim(partner, customer).await?;
        }
        for partner in cases {
            self.company.look_into(partner).await?;
        }
        Ok(())
    }

    async fn shop(&self, purchases: Vec<Purchase>) -> Result<(), Error> {
        let orders = purchases.into_iter().map(|purchase| self.order(purchase));
        futures::stream::iter(orders).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await.map(drop)
    }

    async fn order(&self, purchase: Purchase) -> Result<(), Error> {
        let referral = match purchase.came {
            Came::Link(code) => Some(self.doors.follow_link(code).await?),
            Came::Code(code) => Some(code.to_owned()),
            Came::Alone => None,
        };
        self.doors.buy(&purchase, referral.as_deref()).await.map(drop)
    }

    /// Waits until the webhooks have arrived and everything due has been worked through.
    async fn take_in(&self) -> Result<(), Error> {
        self.doors.settle().await?;
        let now = self.engine.clock.now().await;
        let stuck = |error: &dyn std::fmt::Display| Error::Stuck(error.to_string());
        let workers = (0..WORKERS).map(|_| async {
            while inbox::process_next(self.engine, now).await? {}
            Ok::<_, crate::pipeline::Error>(())
        });
        futures::future::try_join_all(workers).await.map_err(|error| stuck(&error))?;
        inbox::drain(self.engine, now).await.map_err(|error| stuck(&error))?;
        mature::sweep(&self.engine.pool, now).await.map_err(|error| stuck(&error))?;
        Ok(())
    }
}

fn summary(engine: &Engine, sandbox: &str, scenario: &'static Scenario, already_played: bool) -> DemoSummary {
    let public = &engine.config.public_url;
    let login = |who: String, email: &str, path: &str| Login {
        who,
        email: email.to_owned(),
        password: PASSWORD.to_owned(),
        url: format!("{public}{path}"),
    };
    let mut logins = vec![login("Admin".to_owned(), super::company::OWNER, "/admin/sign-in")];
    let introduced = PARTNERS.iter().filter(|partner| partner.is_introduced());
    logins.extend(
        introduced.map(|partner| {
            login(format!("Affiliate {}: {}", partner.name, partner.condition), partner.email, "/sign-in")
        }),
    );
    let address = |what: &str, url: String| Address { what: what.to_owned(), url };
    DemoSummary {
        scenario: scenario.name,
        company: story::COMPANY,
        logins,
        addresses: vec![
            address("The shop", format!("{sandbox}/")),
            address("Mara's referral link", format!("{public}/r/mara")),
        ],
        already_played,
    }
}
