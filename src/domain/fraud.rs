//! Signs of fraud: what makes a purchase look as if it had not been brought by the affiliate. Each is a hint for a person,
//! never a proof; a program says whether it is ignored, flagged or holds the commission.

use super::text_enum::text_enum;

text_enum! {
    /// What was found.
    SignKind, "sign of fraud" {
        /// The buyer is the affiliate, or of the affiliate's company.
        SelfReferral = "self_referral",
        /// More conversions within an hour than the program expects.
        Velocity = "velocity",
        /// The customer or the card bought before through another affiliate.
        SharedBuyer = "shared_buyer",
    }
}

impl SignKind {
    /// The words on a badge.
    pub fn label(self) -> &'static str {
        match self {
            SignKind::SelfReferral => "Own purchase",
            SignKind::Velocity => "Many at once",
            SignKind::SharedBuyer => "Shared buyer",
        }
    }
}

/// Providers that give addresses to everybody: to share their domain says nothing.
const FREE_MAIL: &str = "126.com 163.com aol.com bluewin.ch btinternet.com comcast.net duck.com fastmail.com free.fr \
    freenet.de gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com hanmail.net hey.com icloud.com laposte.net \
    libero.it mac.com mail.com mail.ru me.com msn.com naver.com orange.fr pm.me proton.me protonmail.com qq.com \
    rediffmail.com rocketmail.com sbcglobal.net seznam.cz t-online.de tuta.com tutanota.com verizon.net web.de wp.pl \
    yandex.com yandex.ru ymail.com zoho.com";

/// Free mail under many countries' domains: `yahoo.co.uk`.
const FREE_MAIL_NAMES: [&str; 4] = ["hotmail", "live", "outlook", "yahoo"];

/// Domains that belong to no company, but to documents and tests (RFC 2606).
const RESERVED: [&str; 7] = ["example", "example.com", "example.net", "example.org", "test", "invalid", "localhost"];

/// How a buyer is the affiliate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnPurchase {
    /// By address, as mail is delivered.
    Email,
    /// By the company's domain.
    Domain(String),
}

/// Whether two addresses reach the same person, or people of one company.
pub fn own_purchase(buyer: &str, affiliate: &str) -> Option<OwnPurchase> {
    let (buyer, affiliate) = (mailbox(buyer)?, mailbox(affiliate)?);
    if buyer == affiliate {
        return Some(OwnPurchase::Email);
    }
    (buyer.1 == affiliate.1 && is_a_company_s(&buyer.1)).then_some(OwnPurchase::Domain(buyer.1))
}

/// Local part and domain of the mailbox behind an address: without case, without a tag after `+`, and where dots don't
/// count, without dots.
fn mailbox(email: &str) -> Option<(String, String)> {
    let email = email.trim().to_lowercase();
    let (local, domain) = email.rsplit_once('@')?;
    let local = local.split('+').next().unwrap_or(local);
    let (local, domain) = match domain {
        "gmail.com" | "googlemail.com" => (local.replace('.', ""), "gmail.com"),
        _ => (local.to_owned(), domain),
    };
    (!local.is_empty() && !domain.is_empty()).then(|| (local, domain.to_owned()))
}

fn is_a_company_s(domain: &str) -> bool {
    let free = FREE_MAIL.split_ascii_whitespace().any(|known| known == domain)
        || domain.split_once('.').is_some_and(|(name, rest)| FREE_MAIL_NAMES.contains(&name) && rest.len() <= 6);
    let reserved = RESERVED.iter().any(|name| domain == *name || domain.ends_with(&format!(".{name}")));
    !free && !reserved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mailbox_is_recognised_however_it_is_written() {
        for (buyer, affiliate) in [
            ("Ada@Shop.dev", "ada@shop.dev"),
            ("ada+shop@shop.dev", " ada@shop.dev"),
            ("a.d.a+1@googlemail.com", "ada@gmail.com"),
            ("ada+1@example.com", "ada@example.com"),
        ] {
            assert_eq!(own_purchase(buyer, affiliate), Some(OwnPurchase::Email), "{buyer} {affiliate}");
        }
        assert_eq!(own_purchase("a.da@gmx.de", "ada@gmx.de"), None, "dots count there");
    }

    #[test]
    fn a_domain_says_something_only_when_it_is_a_company_s() {
        assert_eq!(
            own_purchase("kim@quillmoss.io", "ada@quillmoss.io"),
            Some(OwnPurchase::Domain("quillmoss.io".into()))
        );
        for domain in
            ["gmail.com", "yahoo.co.uk", "outlook.de", "web.de", "example.com", "buyers.example.org", "a.test"]
        {
            assert_eq!(own_purchase(&format!("kim@{domain}"), &format!("ada@{domain}")), None, "{domain}");
        }
        assert!(own_purchase("kim@live.quillmoss.io", "ada@live.quillmoss.io").is_some(), "a company's own");
        assert_eq!(own_purchase("kim", "ada@quillmoss.io"), None);
    }
}
