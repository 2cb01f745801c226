//! Who counts as a visitor: somebody who opens a page, not a machine that looks ahead, builds a preview, or embeds the link to
//! collect a cookie unseen. Judged by the request's headers alone.

use axum::http::{HeaderMap, Method};

/// What browsers say when they load a page before anybody asked for it.
const LOOKING_AHEAD: [(&str, &[&str]); 4] = [
    ("sec-purpose", &["prefetch", "prerender"]),
    ("purpose", &["prefetch", "preview"]),
    ("x-purpose", &["prefetch", "preview"]),
    ("x-moz", &["prefetch"]),
];

/// Parts of the names that crawlers and link previews give themselves. Tools that a person runs by hand are no bots.
const BOTS: &[&str] = &[
    "bot/",
    "bot;",
    "bot)",
    "bot ",
    "-bot",
    "bots",
    "crawl",
    "spider",
    "slurp",
    "preview",
    "facebookexternalhit",
    "facebookcatalog",
    "meta-externalagent",
    "whatsapp/",
    "snapchat ad",
    "google-inspectiontool",
    "googleother",
    "mediapartners-google",
    "feedfetcher",
    "embedly",
    "iframely",
    "pinterest/0",
    "vkshare",
    "ia_archiver",
    "microsoft office",
    "ms-office",
    "uptime",
    "pingdom",
    "statuscake",
    "lighthouse",
];

/// Whether somebody opened the page.
pub fn is_visit(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::GET && is_person(headers) && opens_a_page(headers)
}

/// Whether the request comes from a person's browser, as far as it says.
pub fn is_person(headers: &HeaderMap) -> bool {
    let looks_ahead = LOOKING_AHEAD.iter().any(|(name, words)| says(headers, name, words));
    // A maker of phones is called so.
    let agent = text(headers, "user-agent").unwrap_or_default().replace("cubot", "");
    let is_bot = agent.ends_with("bot") || BOTS.iter().any(|part| agent.contains(part));
    !looks_ahead && !is_bot
}

/// A link in an image, a frame or a script's request is opened by nobody. Older browsers don't say what it is for.
fn opens_a_page(headers: &HeaderMap) -> bool {
    text(headers, "sec-fetch-dest").is_none_or(|destination| destination == "document")
}

fn says(headers: &HeaderMap, name: &str, words: &[&str]) -> bool {
    text(headers, name).is_some_and(|value| words.iter().any(|word| value.contains(word)))
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn visit(name: &'static str, value: &'static str) -> bool {
        is_visit(&Method::GET, &HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(value))]))
    }

    #[test]
    fn crawlers_and_link_previews_are_no_visitors() {
        for agent in [
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 (compatible; bingbot/2.0)",
            "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
            "TelegramBot (like TwitterBot)",
            "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
            "LinkedInBot/1.0 (compatible; Mozilla/5.0)",
            "facebookexternalhit/1.1",
            "WhatsApp/2.23.20.0",
            "Mozilla/5.0 SkypeUriPreview",
            "Searchbot",
        ] {
            assert!(!visit("user-agent", agent), "{agent}");
        }
    }

    #[test]
    fn browsers_are_visitors_and_so_are_tools_run_by_hand() {
        for agent in [
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (Linux; Android 12; CUBOT X50) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/120.0 Safari/537.36",
            "curl/8.5.0",
        ] {
            assert!(visit("user-agent", agent), "{agent}");
        }
        assert!(is_visit(&Method::GET, &HeaderMap::new()));
    }

    #[test]
    fn what_looks_ahead_or_is_embedded_is_no_visit() {
        assert!(!visit("sec-purpose", "prefetch;prerender"));
        assert!(!visit("purpose", "prefetch"));
        assert!(!visit("x-moz", "prefetch"));
        assert!(!visit("sec-fetch-dest", "image"));
        assert!(!visit("sec-fetch-dest", "iframe"));
        assert!(visit("sec-fetch-dest", "document"));
        assert!(!is_visit(&Method::HEAD, &HeaderMap::new()));
    }
}
