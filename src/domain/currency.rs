//! ISO 4217 currencies with their minor-unit exponents, as Stripe charges them.

use std::fmt;
use std::str::FromStr;

/// An ISO 4217 currency, lower case as Stripe writes it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

/// The text is no currency that Stripe can charge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a currency; give a three-letter ISO 4217 code such as usd or eur")]
pub struct UnknownCurrency(pub String);

const ZERO_DECIMAL: &str = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf";
const THREE_DECIMAL: &str = "bhd jod kwd omr tnd";
const TWO_DECIMAL: &str = "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd btn bwp byn bzd \
    cad cdf chf cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel ghs gip gmd gtq gyd hkd hnd hrk htg huf idr \
    ils inr isk jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio \
    nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std svc szl thb tjs top try \
    ttd twd tzs uah ugx usd uyu uzs vex wst xcd yer zar zmw";

fn listed(list: &str, code: &str) -> bool {
    list.split_ascii_whitespace().any(|known| known == code)
}

impl Currency {
    pub const USD: Currency = Currency(*b"usd");
    pub const EUR: Currency = Currency(*b"eur");
    pub const JPY: Currency = Currency(*b"jpy");

    /// The code in lower case, as stored and as in the API.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("xxx")
    }

    /// The code in upper case, as people read it.
    pub fn code(&self) -> String {
        self.as_str().to_ascii_uppercase()
    }

    /// Number of decimal digits of the minor unit: 2 for USD, 0 for JPY, 3 for KWD.
    pub fn exponent(&self) -> u32 {
        if listed(ZERO_DECIMAL, self.as_str()) {
            0
        } else if listed(THREE_DECIMAL, self.as_str()) {
            3
        } else {
            2
        }
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(text: &str) -> Result<Self, UnknownCurrency> {
        let lower = text.to_ascii_lowercase();
        let known = [TWO_DECIMAL, ZERO_DECIMAL, THREE_DECIMAL].iter().any(|list| listed(list, &lower));
        match <[u8; 3]>::try_from(lower.as_bytes()) {
            Ok(bytes) if known => Ok(Currency(bytes)),
            _ => Err(UnknownCurrency(text.to_owned())),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <String as serde::Deserialize>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_follow_the_currency() {
        for (code, exponent) in [("usd", 2), ("JPY", 0), ("kwd", 3), ("eur", 2)] {
            assert_eq!(code.parse::<Currency>().map(|c| c.exponent()), Ok(exponent));
        }
    }

    #[test]
    fn what_is_no_currency_is_refused() {
        for text in ["", "us", "usdd", "zzz", "u d", "usd aed"] {
            assert!(text.parse::<Currency>().is_err(), "{text}");
        }
    }
}
