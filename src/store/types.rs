//! How typed ids, currencies and status words travel to and from the database: ids as `uuid`, the rest as `text`, so that
//! queries read straight into the types of `domain` (`select id as "id: ProgramId"`).

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueRef, Postgres};
use sqlx::{Decode, Encode, Type};

use crate::domain::actor::{Role, Scope};
use crate::domain::attribution::{AttributionOrder, ClickRule, EvidenceKind, EvidenceSource, UnattributedReason};
use crate::domain::batch::{BatchStatus, ItemStatus, Rail, SkipReason};
use crate::domain::claim::ClaimStatus;
use crate::domain::currency::Currency;
use crate::domain::fraud::SignKind;
use crate::domain::given_back::{DisputeStatus, RefundStatus};
use crate::domain::hold::HoldScope;
use crate::domain::ids::{
    AffiliateId, ApiKeyId, BatchId, CampaignId, ClaimId, ClickId, ConversionId, EnrollmentId, HoldId, LeadId,
    LeadImportId, LedgerTransactionId, LineId, MailId, NotificationId, PaymentMethodId, PayoutItemId, ProgramId,
    RehearsalId, ReversalId, RuleVersionId, RunId, SaleId, UserId, ZeroEarningId,
};
use crate::domain::line::{LineKind, LineStatus};
use crate::domain::notification::MailTopic;
use crate::domain::period::{Period, PeriodKind};
use crate::domain::program::{
    AffiliateStatus, Cadence, EnrollmentStatus, HoldReason, HoldStatus, InboxStatus, PaymentMethodStatus, SignAction,
};
use crate::domain::reversal::{BankPayoutStatus, ReversalStatus};
use crate::domain::sale::{MergeReason, ReleaseReason};
use crate::domain::schedule::{RunOutcome, RunTask};

macro_rules! as_uuid {
    ($($id:ident),+ $(,)?) => {$(
        impl Type<Postgres> for $id {
            fn type_info() -> PgTypeInfo {
                <uuid::Uuid as Type<Postgres>>::type_info()
            }
        }

        impl<'r> Decode<'r, Postgres> for $id {
            fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
                <uuid::Uuid as Decode<Postgres>>::decode(value).map($id)
            }
        }

        impl Encode<'_, Postgres> for $id {
            fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
                <uuid::Uuid as Encode<Postgres>>::encode_by_ref(&self.0, buffer)
            }
        }

        impl PgHasArrayType for $id {
            fn array_type_info() -> PgTypeInfo {
                <uuid::Uuid as PgHasArrayType>::array_type_info()
            }
        }
    )+};
}

macro_rules! as_text {
    ($($word:ident),+ $(,)?) => {$(
        impl Type<Postgres> for $word {
            fn type_info() -> PgTypeInfo {
                <str as Type<Postgres>>::type_info()
            }

            fn compatible(other: &PgTypeInfo) -> bool {
                <str as Type<Postgres>>::compatible(other)
            }
        }

        impl<'r> Decode<'r, Postgres> for $word {
            fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
                Ok(<&str as Decode<Postgres>>::decode(value)?.parse::<$word>()?)
            }
        }
    )+};
}

as_uuid!(
    ProgramId,
    CampaignId,
    RuleVersionId,
    AffiliateId,
    EnrollmentId,
    ClickId,
    LeadId,
    LeadImportId,
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
    RehearsalId,
    ReversalId,
    ZeroEarningId,
);

as_text!(
    Currency,
    Role,
    Scope,
    EvidenceKind,
    ClickRule,
    UnattributedReason,
    BatchStatus,
    ItemStatus,
    Rail,
    SkipReason,
    LineKind,
    LineStatus,
    MergeReason,
    ReleaseReason,
    AffiliateStatus,
    Cadence,
    EnrollmentStatus,
    HoldReason,
    HoldStatus,
    HoldScope,
    InboxStatus,
    PaymentMethodStatus,
    SignAction,
    ClaimStatus,
    SignKind,
    RunTask,
    RunOutcome,
    ReversalStatus,
    BankPayoutStatus,
    MailTopic,
    RefundStatus,
    DisputeStatus,
    Period,
    PeriodKind,
);

impl Type<Postgres> for AttributionOrder {
    fn type_info() -> PgTypeInfo {
        <Vec<String> as Type<Postgres>>::type_info()
    }

    fn compatible(other: &PgTypeInfo) -> bool {
        <Vec<String> as Type<Postgres>>::compatible(other)
    }
}

impl<'r> Decode<'r, Postgres> for AttributionOrder {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        let words = <Vec<String> as Decode<Postgres>>::decode(value)?;
        let sources = words.iter().map(|word| word.parse::<EvidenceSource>()).collect::<Result<Vec<_>, _>>()?;
        Ok(AttributionOrder::try_from(sources)?)
    }
}
