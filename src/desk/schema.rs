//! How typed ids, currencies and status words appear in the OpenAPI document: all of them are strings, ids with their
//! prefix in the description, words with their list.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::actor::{Role, Scope};
use crate::domain::attribution::{ClickRule, EvidenceKind, EvidenceSource, UnattributedReason};
use crate::domain::batch::{BatchStatus, ItemStatus, Rail, SkipReason};
use crate::domain::claim::ClaimStatus;
use crate::domain::currency::Currency;
use crate::domain::fraud::SignKind;
use crate::domain::given_back::{DisputeStatus, RefundStatus};
use crate::domain::hold::{Decision, HoldScope};
use crate::domain::ids::{
    AffiliateId, ApiKeyId, BatchId, CampaignId, ClaimId, ConversionId, EnrollmentId, HoldId, LeadId,
    LedgerTransactionId, LineId, MailId, NotificationId, PaymentMethodId, PayoutItemId, ProgramId, ReversalId,
    RuleVersionId, RunId, SaleId, UserId, ZeroEarningId,
};
use crate::domain::line::{LineKind, LineStatus};
use crate::domain::manifest::Warning;
use crate::domain::money::Money;
use crate::domain::notification::MailTopic;
use crate::domain::period::{Period, PeriodKind, PeriodStatus};
use crate::domain::posting::Movement;
use crate::domain::program::{
    AffiliateStatus, Cadence, EnrollmentStatus, HoldReason, HoldStatus, InboxStatus, PaymentMethodStatus, RowStatus,
    SignAction,
};
use crate::domain::reversal::ReversalStatus;
use crate::domain::rule::version::VersionState;
use crate::domain::sale::{MergeReason, ReleaseReason};
use crate::domain::schedule::{RunOutcome, RunTask};

fn text(description: String, words: Option<Vec<&'static str>>) -> RefOr<Schema> {
    let object = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .description(Some(description))
        .enum_values(words);
    RefOr::T(Schema::Object(object.build()))
}

macro_rules! ids {
    ($($id:ident),+ $(,)?) => {$(
        impl PartialSchema for $id {
            fn schema() -> RefOr<Schema> {
                text(format!("Starts with `{}_`.", $id::PREFIX), None)
            }
        }

        impl ToSchema for $id {}
    )+};
}

macro_rules! words {
    ($($word:ident),+ $(,)?) => {$(
        impl PartialSchema for $word {
            fn schema() -> RefOr<Schema> {
                text(String::new(), Some($word::ALL.iter().map(|word| word.as_str()).collect()))
            }
        }

        impl ToSchema for $word {}
    )+};
}

ids!(
    ProgramId,
    CampaignId,
    RuleVersionId,
    AffiliateId,
    EnrollmentId,
    LeadId,
    SaleId,
    ConversionId,
    LineId,
    LedgerTransactionId,
    HoldId,
    PaymentMethodId,
    BatchId,
    PayoutItemId,
    UserId,
    ApiKeyId,
    NotificationId,
    MailId,
    ClaimId,
    RunId,
    ReversalId,
    ZeroEarningId,
);

words!(
    MergeReason,
    ReleaseReason,
    Role,
    Scope,
    EvidenceKind,
    EvidenceSource,
    ClickRule,
    UnattributedReason,
    BatchStatus,
    ItemStatus,
    Rail,
    SkipReason,
    LineKind,
    LineStatus,
    AffiliateStatus,
    Cadence,
    EnrollmentStatus,
    HoldReason,
    HoldStatus,
    HoldScope,
    Decision,
    InboxStatus,
    PaymentMethodStatus,
    SignAction,
    RowStatus,
    Movement,
    VersionState,
    ClaimStatus,
    SignKind,
    RunTask,
    RunOutcome,
    ReversalStatus,
    Warning,
    MailTopic,
    RefundStatus,
    DisputeStatus,
    PeriodKind,
    PeriodStatus,
);

impl PartialSchema for Money {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .description(Some("Minor units with their currency."))
            .property("amount", ObjectBuilder::new().schema_type(SchemaType::Type(Type::Integer)))
            .property("currency", Currency::schema())
            .required("amount")
            .required("currency");
        RefOr::T(Schema::Object(object.build()))
    }
}

impl ToSchema for Money {}

impl PartialSchema for Currency {
    fn schema() -> RefOr<Schema> {
        text("ISO 4217, lower case: `usd`.".to_owned(), None)
    }
}

impl ToSchema for Currency {}

impl PartialSchema for Period {
    fn schema() -> RefOr<Schema> {
        let description = "A month (`2026-11`), an ISO week (`2026-W47`) or a day (`2026-11-21`), UTC.";
        text(description.to_owned(), None)
    }
}

impl ToSchema for Period {}
