//! The page: one file that asks for nothing but its own port.

use hyper::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue};

pub(crate) const HTML: &str = "text/html; charset=utf-8";

const PAGE: &str = include_str!("../page/page.html");
const STYLE: &str = include_str!("../page/page.css");
const SCRIPT: &str = include_str!("../page/page.js");

/// What the page may do: nothing from elsewhere, and nobody may show it inside a page of theirs.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// The page with its style and its script.
pub(crate) fn page() -> String {
    PAGE.replace("{{style}}", STYLE).replace("{{script}}", SCRIPT)
}

/// The headers that go with it.
pub(crate) fn protect(headers: &mut HeaderMap) {
    for (name, value) in [
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
}
