//! The small parts that every page is made of: each is a function from data to markup, without state, without JavaScript.
//! They know the words of the domain (money, statuses) but never load anything.

pub mod amount;
pub mod badge;
pub mod banner;
pub mod calculation;
pub mod chart;
pub mod confirm;
pub mod count;
pub mod empty;
pub mod field;
pub mod filters;
pub mod icon;
pub mod id;
pub mod page;
pub mod signs;
pub mod snippet;
pub mod standing;
pub mod table;
pub mod tabs;
pub mod time;
pub mod timeline;
pub mod way_in;

pub use amount::{Alarm, amount, amount_with_alarm, amounts, plain_amounts, sums};
pub use badge::{Tone, affiliate_badge, badge, batch_badge, event_badge, item_badge, line_badge, method_badge};
pub use banner::Banner;
pub use calculation::calculation;
pub use confirm::{barred, confirm};
pub use count::{counted, people};
pub use empty::Empty;
pub use field::{Check, Field, Select, TextArea, part};
pub use filters::{choices, filters};
pub use icon::{Icon, icon, mark};
pub use id::{CopyField, external_id, id_chip};
pub use page::{Crumb, PageHead, Section};
pub use signs::{sign_badges, sign_choices};
pub use snippet::Snippet;
pub use standing::{campaign_badge, claim_badge, enrollment_badge, hold_badge, hold_reason_word, version_badge};
pub use table::{Column, Pager, Table};
pub use tabs::tabs;
pub use time::{date, day, moment};
pub use timeline::timeline;
