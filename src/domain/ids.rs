//! Typed ids: UUIDv7 inside, `prefix_` + 26 characters of Crockford's base 32 outside, so that ids sort by time in
//! both forms and an id of one kind is never taken for another.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const ENCODED_LEN: usize = 26;

/// The text is not an id of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not an id that starts with `{prefix}_`")]
pub struct InvalidId {
    pub prefix: &'static str,
    pub given: String,
}

/// 128 bits as 26 base-32 digits, most significant first.
fn encode(bits: u128) -> String {
    (0..ENCODED_LEN).rev().map(|digit| char::from(ALPHABET[((bits >> (digit * 5)) & 31) as usize])).collect()
}

fn decode(text: &str) -> Option<u128> {
    if text.len() != ENCODED_LEN || text.as_bytes()[0] > b'7' {
        return None;
    }
    text.bytes().try_fold(0u128, |bits, byte| {
        let digit = ALPHABET.iter().position(|&known| known == byte)?;
        Some((bits << 5) | digit as u128)
    })
}

/// A UUIDv7 for the business time `now`; ids made by one process within a millisecond still sort in order of making.
#[cfg(feature = "server")]
pub fn uuid_at(now: chrono::DateTime<chrono::Utc>) -> Uuid {
    use std::sync::{Mutex, PoisonError};
    use uuid::{ContextV7, Timestamp};

    static COUNTER: Mutex<ContextV7> = Mutex::new(ContextV7::new());
    let counter = COUNTER.lock().unwrap_or_else(PoisonError::into_inner);
    let seconds = u64::try_from(now.timestamp()).unwrap_or(0);
    Uuid::new_v7(Timestamp::from_unix(&*counter, seconds, now.timestamp_subsec_nanos()))
}

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident = $prefix:literal),+ $(,)?) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub Uuid);

        impl $name {
            pub const PREFIX: &'static str = $prefix;

            /// A new id for the business time `now`.
            #[cfg(feature = "server")]
            pub fn new(now: chrono::DateTime<chrono::Utc>) -> Self {
                Self(uuid_at(now))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", $prefix, encode(self.0.as_u128()))
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(decode)
                    .map(|bits| Self(Uuid::from_u128(bits)))
                    .ok_or_else(|| InvalidId { prefix: $prefix, given: text.to_owned() })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Uuid {
                id.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }
    )+};
}

ids! {
    ProgramId = "prg",
    CampaignId = "cmp",
    RuleVersionId = "rul",
    AffiliateId = "aff",
    EnrollmentId = "enr",
    ClickId = "clk",
    LeadId = "lead",
    LeadImportId = "imp",
    SaleId = "sal",
    ConversionId = "cnv",
    LineId = "com",
    LedgerTransactionId = "ltx",
    HoldId = "hld",
    PaymentMethodId = "pm",
    BatchId = "bat",
    PayoutItemId = "pit",
    UserId = "usr",
    ApiKeyId = "key",
    NotificationId = "ntf",
    MailId = "mail",
    ClaimId = "clm",
    RunId = "run",
    RehearsalId = "reh",
    ReversalId = "rev",
    ZeroEarningId = "zer",
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_id_reads_back_from_its_text(bits: u128) {
            let id = LineId(Uuid::from_u128(bits));
            prop_assert_eq!(id.to_string().parse::<LineId>(), Ok(id));
        }

        #[test]
        fn text_order_is_uuid_order(a: u128, b: u128) {
            prop_assert_eq!(encode(a).cmp(&encode(b)), a.cmp(&b));
        }
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let sale = SaleId(Uuid::from_u128(7)).to_string();
        assert!(sale.parse::<LineId>().is_err());
        assert!("com_".parse::<LineId>().is_err());
        assert!("com_zzzzzzzzzzzzzzzzzzzzzzzzzz".parse::<LineId>().is_err());
    }
}
