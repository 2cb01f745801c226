//! A draft goes through its enrollments in sets: whatever their size, and whatever else is posted meanwhile, the same is paid,
//! the same is left out, and the books say the same.

use chrono::TimeDelta;
use purser::domain::payout::Cutoff;
use purser::pipeline::{approve, draft, payout_run};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use sqlx::AssertSqlSafe;

use crate::harness::{ADMIN, Partner, Payer};

const PARTNERS: usize = 24;

/// What a draft leaves behind, without what differs by chance: ids and hashes.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    items: Vec<String>,
    skipped: Vec<String>,
    lines: Vec<String>,
    entries: Vec<String>,
    balances: Vec<String>,
}

impl Left {
    async fn by(payer: &Payer) -> Self {
        let rows = async |query: &str| -> Vec<String> {
            sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_all(&payer.engine().pool).await.unwrap()
        };
        Self {
            items: rows(
                "select concat_ws(' ', a.name, i.currency, i.amount_minor, i.destination, count(l.line_id))
                from payout_items i join affiliates a on a.id = i.affiliate_id
                join payout_item_lines l on l.enrollment_id = i.enrollment_id and l.item_id = i.id
                group by a.name, i.currency, i.amount_minor, i.destination order by 1",
            )
            .await,
            skipped: rows(
                "select concat_ws(' ', a.name, s.currency, s.reason, s.amount_minor, s.minimum_minor) from payout_skipped s
                join enrollments e on e.id = s.enrollment_id join affiliates a on a.id = e.affiliate_id order by 1",
            )
            .await,
            lines: rows(
                "select concat_ws(' ', a.name, l.currency, l.amount_minor, l.status, h.n, h.from_status, h.to_status,
                    regexp_replace(h.why, 'pit_.*', ''))
                from commissions_ledger l join affiliates a on a.id = l.affiliate_id
                join commission_line_history h on h.enrollment_id = l.enrollment_id and h.line_id = l.id
                order by 1",
            )
            .await,
            entries: rows(
                "select concat_ws(' ', a.name, t.seq, t.kind, t.cause, case t.kind when 'accrue' then '' else split_part(t.idempotency_key, ':', 1) end,
                    t.item_id is null, t.line_id is null, x.n, x.account, x.currency, x.amount_minor)
                from ledger_transactions t join ledger_entries x using (enrollment_id, seq)
                join enrollments e on e.id = t.enrollment_id join affiliates a on a.id = e.affiliate_id order by 1",
            )
            .await,
            balances: rows(
                "select concat_ws(' ', a.name, b.currency, b.pending_minor, b.held_minor, b.payable_minor, b.in_transit_minor)
                from balances b join enrollments e on e.id = b.enrollment_id join affiliates a on a.id = e.affiliate_id
                order by 1",
            )
            .await,
        }
    }
}

/// Affiliates in every condition, with money of every kind: the same ones for the same seed.
async fn mixed(seed: u64) -> Payer {
    let mut random = StdRng::seed_from_u64(seed);
    let payer = Payer::deaf().await;
    let now = payer.now().await;
    for n in 0..PARTNERS {
        let partner = payer.company.partner(&format!("partner{n:02}")).await;
        give_method(
            &payer,
            partner,
            n,
            ["verified", "verified", "verified", "restricted", ""].choose(&mut random).unwrap(),
        )
        .await;
        for _ in 0..random.random_range(0..6) {
            let amount = random.random_range(-2_000..4_000);
            let currency = *["usd", "usd", "eur", "jpy"].choose(&mut random).unwrap();
            if random.random_bool(0.3) {
                let days = random.random_range(-5..5);
                payer.earn_until(partner, amount, now + TimeDelta::days(days)).await;
            } else {
                payer.earn(partner, amount, currency).await;
            }
        }
        if random.random_bool(0.2) {
            let hold = purser::desk::holds::place(&ADMIN, payer.engine(), now, partner.enrollment, "Looks odd").await;
            // Who has nothing can't be held.
            drop(hold);
            payer.earn(partner, random.random_range(1..3_000), "usd").await;
        }
        let table = *["enrollments set status = 'paused' where id", ""].choose(&mut random).unwrap();
        if !table.is_empty() && random.random_bool(0.3) {
            payer.company.run(format!("update {table} = '{}'", partner.enrollment.0)).await;
        }
    }
    payer
}

async fn give_method(payer: &Payer, partner: Partner, n: usize, status: &str) {
    if !status.is_empty() {
        payer
            .company
            .run(format!(
                "insert into payment_methods (id, affiliate_id, type, status, stripe_account, account_key, created_at)
                values (gen_random_uuid(), '{}', 'stripe_connect', '{status}', 'acct_{n}', 'key_{n}', now())",
                partner.affiliate.0
            ))
            .await;
    }
}

fn wanted(payer: &Payer) -> draft::Wanted<'static> {
    draft::Wanted { program_id: payer.company.program, period: None, available: None, cutoff: Cutoff::default() }
}

#[tokio::test]
async fn a_draft_is_the_same_in_sets_of_one_of_a_few_and_all_at_once() {
    let seed: u64 = rand::rng().random();
    println!("seed {seed}");
    let mut first: Option<Left> = None;
    for at_once in [1, 2, 7, usize::MAX] {
        let payer = mixed(seed).await;
        let now = payer.now().await;
        let plan = payout_run::preview(payer.engine(), now, payer.company.program).await.unwrap().plan;
        let drafted = draft::draft_in_steps(&payer.engine().pool, now, &ADMIN, wanted(&payer), at_once).await.unwrap();
        assert_eq!((plan.due.len(), plan.left_out.len()), (drafted.items, drafted.left_out.len()), "seed {seed}");
        assert_eq!(plan.totals().unwrap(), drafted.totals, "seed {seed}");
        payer.company.prove_books().await;
        let left = Left::by(&payer).await;
        assert_eq!((left.items.len(), left.skipped.len()), (drafted.items, drafted.left_out.len()), "seed {seed}");
        assert!(drafted.items > 0, "seed {seed}: nobody is due");
        match &first {
            None => first = Some(left),
            Some(first) => assert_eq!(*first, left, "seed {seed}, {at_once} at once"),
        }
        let batch = drafted.batch_id.unwrap();
        approve::approve(&payer.engine().pool, now, &ADMIN, batch).await.unwrap();
        approve::cancel(&payer.engine().pool, now, &ADMIN, batch).await.unwrap();
        payer.company.prove_books().await;
        assert_eq!(payer.company.count("balances where in_transit_minor <> 0").await, 0, "seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts_and_new_commissions_at_once_neither_deadlock_nor_lose_a_cent() {
    let payer = Payer::deaf().await;
    let mut partners = Vec::new();
    for n in 0..8 {
        let partner = payer.company.partner(&format!("partner{n}")).await;
        give_method(&payer, partner, n, "verified").await;
        payer.earn(partner, 5_000, "usd").await;
        partners.push(partner);
    }
    let now = payer.now().await;
    let drafts = (1..=4).map(|at_once| {
        let (pool, wanted) = (payer.engine().pool.clone(), wanted(&payer));
        tokio::spawn(async move {
            for _ in 0..5 {
                let drafted = draft::draft_in_steps(&pool, now, &ADMIN, wanted, at_once).await.unwrap();
                if let Some(batch) = drafted.batch_id.filter(|_| at_once % 2 == 0) {
                    approve::cancel(&pool, now, &ADMIN, batch).await.unwrap();
                }
            }
        })
    });
    let drafts: Vec<_> = drafts.collect();
    for round in 0..10 {
        for partner in partners.iter().rev() {
            payer.earn(*partner, 1_000 + round, "usd").await;
        }
    }
    for done in futures::future::join_all(drafts).await {
        done.unwrap();
    }
    payer.company.prove_books().await;
    let earned = "coalesce((select sum(amount_minor) from commissions_ledger), 0)";
    let kept = "coalesce((select sum(payable_minor + in_transit_minor) from balances), 0)";
    assert_eq!(payer.company.count(&format!("(select 1 where {earned} = {kept}) same")).await, 1);
}
