//! What every comparer of one pair may need to know beside the two values.

use url::Url;

use super::observation::Request;
use super::rules::Rules;

#[derive(Debug)]
pub struct Scope<'a> {
    pub request: &'a Request,
    pub rules: &'a Rules,
    /// Unix time of the answers, by their Date header.
    pub now: Option<i64>,
}

impl Scope<'_> {
    /// The URL that was asked for, as the user sees it: links and redirects are resolved against it.
    pub fn base(&self) -> Option<Url> {
        let request = self.request;
        Url::parse(&format!("{}://{}{}", request.scheme, request.host, request.target)).ok()
    }
}
