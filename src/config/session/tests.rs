#![allow(clippy::unwrap_used, clippy::panic)]
use super::*;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(*name, value.parse().unwrap());
    }
    map
}

fn session(cookie: Option<&str>) -> Session {
    Session {
        cookie: cookie.map(str::to_owned),
        key: vec![KeySource::Cookie("AURSID".into()), KeySource::Header(http::header::AUTHORIZATION)],
        fallback: FallbackKey::ClientIp,
    }
}

const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 7));

#[test]
fn the_first_source_that_is_there_is_the_key() {
    let both = headers(&[("authorization", "Basic x"), ("cookie", "a=b; AURSID=s1")]);
    assert_eq!(session(None).key(&both, CLIENT).as_bytes(), b"s1");
    let second = headers(&[("authorization", "Basic x"), ("cookie", "xAURSID=no; AURSID=")]);
    assert_eq!(session(None).key(&second, CLIENT).as_bytes(), b"Basic x");
    assert_eq!(session(None).key(&headers(&[]), CLIENT).as_bytes(), b"203.0.113.7");
}

#[test]
fn a_visitor_without_a_key_keeps_his_place_once_he_sends_the_cookie_back() {
    let session = session(Some("matapalo_id"));
    let none = headers(&[]);
    let SessionKey::Pin(id) = session.key(&none, CLIENT) else { panic!("no pin") };
    let mut later = HeaderMap::new();
    later.append("cookie", format!("AURSID=s1; matapalo_id={}", id.as_str()).parse().unwrap());
    let elsewhere = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    assert_eq!(session.key(&later, elsewhere), SessionKey::Pinned(id.as_str().as_bytes()));
}

#[test]
fn cookies_are_found_over_several_headers_and_odd_spacing() {
    let headers = headers(&[("cookie", " a = 1;b=2=3"), ("cookie", "flag; c=")]);
    assert_eq!(cookie(&headers, "b"), Some(&b"2=3"[..]));
    assert_eq!(cookie(&headers, "c"), None);
    assert_eq!(cookie(&headers, "flag"), None);
}

#[test]
fn an_override_counts_only_from_where_it_may_come() {
    let by = Override { by: KeySource::Header("x-stage".parse().unwrap()), from: vec!["10.0.0.0/8".parse().unwrap()] };
    let asks = headers(&[("x-stage", "new")]);
    let inside = "10.1.2.3".parse().unwrap();
    assert_eq!(by.read(&asks, Asker::Known(inside)), Some(Origin::New));
    assert_eq!(by.read(&asks, Asker::Hidden(inside)), None, "whom the proxy does not name is not the proxy");
    assert_eq!(by.read(&asks, Asker::Known(CLIENT)), None);
    assert_eq!(by.read(&headers(&[("x-stage", "newer")]), Asker::Known(inside)), None);
}

#[test]
fn the_longest_address_fits() {
    let longest = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255".parse::<IpAddr>().unwrap();
    assert_eq!(ShortText::of(format_args!("{longest}")).as_str(), longest.to_string());
}

#[test]
fn an_address_is_one_key_however_it_is_written() {
    let mapped = IpAddr::V6("203.0.113.7".parse::<std::net::Ipv4Addr>().unwrap().to_ipv6_mapped());
    assert_eq!(session(None).key(&headers(&[]), mapped), session(None).key(&headers(&[]), CLIENT));
}

#[test]
fn visitors_without_anything_are_moved_last() {
    let session = Session { fallback: FallbackKey::None, ..session(Some("matapalo_id")) };
    let none = headers(&[]);
    let key = session.key(&none, CLIENT);
    assert_eq!((&key, key.bucket("any").index()), (&SessionKey::Nobody, Bucket::COUNT - 1));
}
