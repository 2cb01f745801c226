//! What a developer copies from the Integrate page: the script's tag and checkout sessions in five languages. Plain text; the
//! only things written in are this installation's address and the program's own.

/// The tag for the head of every page. `program`: a slug, when there are several programs.
pub fn tag(public_url: &str, program: Option<&str>) -> String {
    let query = program.map_or_else(String::new, |slug| format!("?program={slug}"));
    format!("<script async src=\"{public_url}/purser.js{query}\"></script>")
}

/// What a page's own scripts can ask.
pub const IN_THE_PAGE: &str = "\
document.addEventListener('purser:ready', () => {
  Purser.referral(); // for Stripe's client_reference_id: a click's id, else a code, else null
  Purser.code();     // the referral code, or null
});
// With data-consent=\"required\" on the tag, when the visitor agrees (or, with false, no longer does):
Purser.consent();";

/// Languages with the call that makes a Checkout session.
pub const SESSIONS: [(&str, &str); 5] =
    [("Node", NODE), ("Python", PYTHON), ("Ruby", RUBY), ("PHP", PHP), ("curl", CURL)];

const NODE: &str = "\
// cookie-parser reads the two cookies that purser.js keeps.
const referral = req.cookies.purser_referral;
const code = req.cookies.purser_code;

const session = await stripe.checkout.sessions.create({
  mode: 'subscription',
  line_items: [{ price: 'price_…', quantity: 1 }],
  success_url: 'SITE',
  ...(referral && { client_reference_id: referral }),
  metadata: { ...(code && { purser_code: code }) },
  // Subscriptions only: their invoices carry it too, also the first one after a trial.
  subscription_data: { metadata: { ...(referral && { purser_click: referral }) } },
});";

const PYTHON: &str = "\
referral = request.cookies.get(\"purser_referral\")
code = request.cookies.get(\"purser_code\")

session = stripe.checkout.Session.create(
    mode=\"subscription\",
    line_items=[{\"price\": \"price_…\", \"quantity\": 1}],
    success_url=\"SITE\",
    metadata={\"purser_code\": code} if code else {},
    # Subscriptions only: their invoices carry it too, also the first one after a trial.
    subscription_data={\"metadata\": {\"purser_click\": referral} if referral else {}},
    **({\"client_reference_id\": referral} if referral else {}),
)";

const RUBY: &str = "\
referral = cookies[:purser_referral]
code = cookies[:purser_code]

session = Stripe::Checkout::Session.create({
  mode: \"subscription\",
  line_items: [{ price: \"price_…\", quantity: 1 }],
  success_url: \"SITE\",
  client_reference_id: referral,
  metadata: { purser_code: code }.compact,
  # Subscriptions only: their invoices carry it too, also the first one after a trial.
  subscription_data: { metadata: { purser_click: referral }.compact },
}.compact)";

const PHP: &str = "\
$referral = $_COOKIE['purser_referral'] ?? null;
$code = $_COOKIE['purser_code'] ?? null;

$session = $stripe->checkout->sessions->create(array_filter([
    'mode' => 'subscription',
    'line_items' => [['price' => 'price_…', 'quantity' => 1]],
    'success_url' => 'SITE',
    'client_reference_id' => $referral,
    'metadata' => array_filter(['purser_code' => $code]),
    // Subscriptions only: their invoices carry it too, also the first one after a trial.
    'subscription_data' => $referral ? ['metadata' => ['purser_click' => $referral]] : null,
]));";

const CURL: &str = "\
# $REFERRAL is the value of the cookie purser_referral; leave the last two lines out when there is none.
curl https://api.stripe.com/v1/checkout/sessions \\
  -u \"$STRIPE_SECRET_KEY:\" \\
  -d mode=subscription \\
  -d \"line_items[0][price]=price_…\" \\
  -d \"line_items[0][quantity]=1\" \\
  --data-urlencode \"success_url=SITE\" \\
  -d \"client_reference_id=$REFERRAL\" \\
  -d \"subscription_data[metadata][purser_click]=$REFERRAL\"";

/// The snippet with the address that customers come back to.
pub fn with_site(snippet: &str, site_url: &str) -> String {
    snippet.replace("SITE", site_url)
}
