// Purser for your own site: keeps how a visitor came, and hands it to Stripe at checkout, so that the affiliate who brought the
// customer is credited. The Integrate page of Purser's console has the tag for your installation.
//
// In the page's scripts:
//   Purser.referral()      what Stripe should be given as client_reference_id: the click's id, else the referral code, else null
//   Purser.code()          the referral code, or null
//   Purser.consent()       the visitor agreed: from now on things are kept; Purser.consent(false) forgets them
//   "purser:ready"         event of the document, when these can be called
// Attributes of the tag, all optional:
//   data-consent="required"      nothing is kept, read or sent before Purser.consent()
//   data-domain="example.com"    cookies count on every subdomain
//   data-links="pay.example.com" hosts of payment links under a domain of your own, with commas between them
// Cookies: purser_referral and purser_code, what the two functions answer; servers may read them too. Nothing in them is personal.
//
// Nothing here may disturb the page: whatever goes wrong, it goes on without us.
(function (window, document) {
"use strict";
try {
  if (window.Purser && window.Purser.referral) return;

  const settings = PURSER_SETTINGS;
  const tag = document.currentScript || document.querySelector('script[src*="/purser.js"]');
  const attribute = (name) => (tag && tag.getAttribute(name)) || "";
  const CODE = /^[a-z0-9][a-z0-9_-]{0,62}$/;
  const CLICK = /^clk_[0-7][0-9a-hjkmnp-tv-z]{25}$/;
  const DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";
  const ONE_VISIT_MS = 30 * 60 * 1000;
  const REFERENCE = "client_reference_id";
  const STRIPE_ELEMENTS = "stripe-pricing-table,stripe-buy-button";
  const linkHosts = ["buy.stripe.com", "donate.stripe.com", "book.stripe.com"]
    .concat(attribute("data-links").toLowerCase().split(",").map((host) => host.trim()).filter(Boolean));

  // What we wrote ourselves, by element: that may be replaced, everything else is the page's own.
  const written = new WeakMap();
  let agreed = attribute("data-consent") !== "required";
  let current = null;
  let observer = null;

  function safely(act) {
    return function () {
      try {
        return act.apply(null, arguments);
      } catch (error) {
        return null;
      }
    };
  }

  function isClick(text) {
    return CLICK.test(text || "");
  }

  // The first 48 bits of an id are its time.
  function timeOf(click) {
    return click.slice(4, 14).split("").reduce((time, digit) => time * 32 + DIGITS.indexOf(digit), 0);
  }

  function arrival() {
    const query = new URLSearchParams(window.location.search);
    const via = (query.get("via") || "").trim().toLowerCase();
    const click = (query.get("purser_click") || "").trim().toLowerCase();
    const code = CODE.test(via) ? via : null;
    const reference = isClick(click) ? click : code;
    return reference ? { reference, code } : null;
  }

  function cookie(name) {
    const found = document.cookie.split(/;\s*/).find((pair) => pair.indexOf(name + "=") === 0);
    return found ? found.slice(name.length + 1) : "";
  }

  function setCookie(name, value, days) {
    const domain = attribute("data-domain").replace(/[^a-zA-Z0-9.-]/g, "");
    document.cookie = name + "=" + value + "; Max-Age=" + days * 86400 + "; Path=/; SameSite=Lax" +
      (window.location.protocol === "https:" ? "; Secure" : "") + (domain ? "; Domain=" + domain : "");
  }

  function kept() {
    const reference = cookie("purser_referral");
    const code = cookie("purser_code");
    if (!isClick(reference) && !CODE.test(reference)) return null;
    return { reference, code: CODE.test(code) ? code : null };
  }

  function keep(referral) {
    current = referral;
    setCookie("purser_referral", referral.reference, settings.days);
    setCookie("purser_code", referral.code || "", referral.code ? settings.days : 0);
  }

  function forget() {
    current = null;
    setCookie("purser_referral", "", 0);
    setCookie("purser_code", "", 0);
  }

  // Which of the two counts: the program says whether a visitor's first or last click does.
  function settle() {
    const before = kept();
    const now = arrival();
    if (!now) {
      current = before;
    } else if (before && keepsBefore(before, now)) {
      current = before;
    } else {
      keep(now);
      if (!isClick(now.reference)) tellOf(now.code);
    }
  }

  function keepsBefore(before, now) {
    if (settings.rule === "first" || !isClick(before.reference)) return settings.rule === "first";
    // An address may be an old one, from a bookmark; ids sort by their time.
    if (isClick(now.reference)) return before.reference > now.reference;
    return before.code === now.code && Math.abs(Date.now() - timeOf(before.reference)) < ONE_VISIT_MS;
  }

  // Somebody linked here without a referral link of Purser's: the visit becomes a click like any other.
  function tellOf(code) {
    const asked = window.fetch(settings.home + "/clicks", {
      method: "POST", body: new URLSearchParams({ via: code }), credentials: "omit", keepalive: true,
    });
    asked.then((answer) => (answer.status === 201 ? answer.json() : null)).then(safely((told) => {
      const still = agreed && current && current.reference === code;
      if (still && told && isClick(told.click)) {
        keep({ reference: told.click, code });
        complete(document);
      }
    })).catch(() => {});
  }

  function completeLink(link) {
    if (!(link instanceof window.HTMLAnchorElement) || linkHosts.indexOf(link.host) < 0) return;
    const reference = current.reference;
    const present = new URLSearchParams(link.search).get(REFERENCE);
    if (present === reference || (present && present !== written.get(link))) return;
    const before = REFERENCE + "=" + present;
    link.search = present
      ? link.search.replace(before, REFERENCE + "=" + reference)
      : link.search + (link.search ? "&" : "?") + REFERENCE + "=" + reference;
    written.set(link, reference);
  }

  function completeElement(element) {
    const present = element.getAttribute("client-reference-id");
    if (present === current.reference || (present && present !== written.get(element))) return;
    element.setAttribute("client-reference-id", current.reference);
    written.set(element, current.reference);
  }

  // Everything under the node, and the node itself, that leads to Stripe's checkout.
  function complete(node) {
    if (!current || !node.querySelectorAll) return;
    if (node.matches && node.matches("a[href]")) completeLink(node);
    if (node.matches && node.matches(STRIPE_ELEMENTS)) completeElement(node);
    node.querySelectorAll("a[href]").forEach(completeLink);
    node.querySelectorAll(STRIPE_ELEMENTS).forEach(completeElement);
    watch();
  }

  function watch() {
    if (observer || !window.MutationObserver) return;
    observer = new window.MutationObserver(safely((changes) => {
      changes.forEach((change) => {
        if (change.type === "attributes") complete(change.target);
        change.addedNodes.forEach(complete);
      });
    }));
    const kinds = { childList: true, subtree: true, attributes: true, attributeFilter: ["href"] };
    observer.observe(document.documentElement, kinds);
    // Links inside of components that keep their insides to themselves.
    document.addEventListener("click", safely((event) => event.composedPath().forEach((part) => {
      if (current) completeLink(part);
    })), true);
  }

  window.Purser = {
    referral: () => (current ? current.reference : null),
    code: () => (current ? current.code : null),
    consent: safely((given) => {
      agreed = given !== false;
      if (agreed) settle(); else forget();
      complete(document);
    }),
  };

  // Without consent the address of this very page counts, and is gone with the page.
  if (agreed) settle(); else current = arrival();
  complete(document);
  document.addEventListener("DOMContentLoaded", safely(() => complete(document)));
  document.dispatchEvent(new window.CustomEvent("purser:ready"));
} catch (error) {
  // The page goes on.
}
})(window, document);
