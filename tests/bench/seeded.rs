//! Ten seeded bugs in answers that vary in everything else, as a package archive gives them: names, ids, dates, prices, lists of all
//! lengths. Several are at one route, two at one route, field and kind.
//!
//! Compiled twice: into the bench and into the recorder's own tests.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::diff::{Observation, Request, Rules};
use crate::evidence::Pair;
use crate::routing::Origin;

/// What each bug is called, and how many of a hundred mismatches are its own.
pub const BUGS: [(&str, u64); 10] = [
    ("popularity rounded half to even", 1),
    ("popularity as a string", 2),
    ("description escaped twice", 4),
    ("description cut", 6),
    ("modified an hour off", 8),
    ("no keywords where there are none", 10),
    ("link to the base instead of the package", 13),
    ("None printed for nobody", 16),
    ("cookie without HttpOnly", 19),
    ("500 for some", 21),
];

/// The header by which a request says which bug it is about. Nothing compares it.
pub const MARK: &str = "x-bug";

/// Chance with a seed, so that a failure comes again.
pub struct Chance(pub u64);

impl Chance {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound.max(1)
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        let at = self.below(of.len() as u64);
        usize::try_from(at).ok().and_then(|at| of.get(at)).copied().unwrap_or("x")
    }

    fn word(&mut self) -> &'static str {
        self.one(&[
            "vim", "lib", "python", "gtk", "git", "tools", "core", "perl", "qt", "font", "data", "mail", "web", "ruby",
            "xorg", "net", "audio", "kernel", "naïve", "déjà", "theme", "server", "client", "plugin",
        ])
    }

    fn name(&mut self) -> String {
        let (one, two) = (self.word(), self.word());
        match self.below(4) {
            0 => one.to_owned(),
            1 => format!("{one}-{two}-git"),
            2 => format!("{one}{}", self.below(30)),
            _ => format!("{one}-{two}"),
        }
    }

    fn person(&mut self) -> String {
        let (first, last) = (
            self.one(&["ada", "jo", "kim", "lena", "omar", "wei", "iris"]),
            self.one(&["stone", "lee", "gray", "novak"]),
        );
        format!("{first}.{last}{}", self.below(90))
    }

    /// Some words, with what HTML escapes at least once.
    fn text(&mut self) -> String {
        let words = 3 + self.below(24);
        let mut text = String::new();
        for at in 0..words {
            let space = if at == 0 { "" } else { " " };
            let _ = write!(text, "{space}{}", self.word());
            if at == 1 {
                text.push_str(self.one(&[" &", " <b>", " it's", " \"new\""]));
            }
        }
        text
    }

    fn day(&mut self) -> u64 {
        1_500_000_000 + self.below(260_000_000)
    }
}

fn said(status: u16, headers: &[(&'static str, &str)], body: String) -> Observation {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            map.append(HeaderName::from_static(name), value);
        }
    }
    Observation { status: StatusCode::from_u16(status).unwrap_or_default(), headers: map, body: Bytes::from(body) }
}

const JSON: (&str, &str) = ("content-type", "application/json");
const HTML: (&str, &str) = ("content-type", "text/html; charset=utf-8");

struct Item {
    name: String,
    base: String,
    description: String,
    /// In thousandths.
    popularity: u64,
    modified: u64,
    maintainer: Option<String>,
    keywords: Vec<String>,
    id: u64,
}

impl Item {
    fn any(chance: &mut Chance) -> Self {
        let name = chance.name();
        let keywords = (0..chance.below(4)).map(|_| chance.word().to_owned()).collect();
        Self {
            base: format!("{name}-base"),
            name,
            description: chance.text(),
            popularity: 1 + chance.below(90_000),
            modified: chance.day(),
            maintainer: (chance.below(5) > 0).then(|| chance.person()),
            keywords,
            id: 1000 + chance.below(900_000),
        }
    }

    fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "ID": self.id, "Name": self.name, "PackageBase": self.base, "Description": self.description,
            "Popularity": self.popularity as f64 / 1000.0, "LastModified": self.modified,
            "Maintainer": self.maintainer, "Keywords": self.keywords,
        })
    }
}

fn items(chance: &mut Chance, least: u64) -> Vec<Item> {
    (0..least + chance.below(9)).map(|_| Item::any(chance)).collect()
}

fn list(items: &[serde_json::Value]) -> String {
    serde_json::json!({"version": 5, "type": "multiinfo", "resultcount": items.len(), "results": items}).to_string()
}

/// What new makes of one item of a list; `None`: nothing is wrong with it.
fn spoilt(bug: usize, item: &Item, chance: &mut Chance) -> Option<serde_json::Value> {
    let mut json = item.json();
    match bug {
        0 => json["Popularity"] = (hundredths_to_even(item.popularity)? as f64 / 100.0).into(),
        1 => json["Popularity"] = json["Popularity"].to_string().into(),
        2 => {
            let once = escaped(&item.description);
            json["Description"] = once.into();
        }
        3 => {
            let letters = item.description.chars().count();
            let kept = (40 + usize::try_from(chance.below(20)).unwrap_or(0)).min(letters / 2);
            json["Description"] = item.description.chars().take(kept).collect::<String>().trim_end().into();
        }
        _ => json["LastModified"] = (item.modified + 3600).into(),
    }
    Some(json)
}

/// Of thousandths that end in 5: away from zero is legacy's way.
fn hundredths_to_even(thousandths: u64) -> Option<u64> {
    let down = thousandths / 10;
    (thousandths % 10 == 5 && down.is_multiple_of(2)).then_some(down)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#039;")
}

/// A search of the API: five bugs share its route, two of them the description, two the popularity.
fn search(bug: usize, chance: &mut Chance) -> (String, Observation, Observation) {
    let mut all = items(chance, 2);
    if bug == 0 {
        for item in &mut all {
            item.popularity = (item.popularity / 20 * 20) + 5;
        }
    }
    let old: Vec<serde_json::Value> = all
        .iter()
        .map(|item| {
            let mut json = item.json();
            if bug == 0 {
                json["Popularity"] = ((item.popularity / 10 + 1) as f64 / 100.0).into();
            }
            json
        })
        .collect();
    let first = chance.below(all.len() as u64);
    let mut new = old.clone();
    for (at, item) in (0..).zip(&all) {
        let is_hit = at == first || chance.below(3) == 0;
        let Some(json) = is_hit.then(|| spoilt(bug, item, chance)).flatten() else { continue };
        if let Some(slot) = usize::try_from(at).ok().and_then(|at| new.get_mut(at)) {
            *slot = json;
        }
    }
    let target = format!("/rpc?v=5&type=search&arg={}", chance.word());
    (target, said(200, &[JSON], list(&old)), said(200, &[JSON], list(&new)))
}

/// An object keyed by package names.
fn by_name(chance: &mut Chance) -> (String, Observation, Observation) {
    let (mut old, mut new) = (serde_json::Map::new(), serde_json::Map::new());
    let mut all = items(chance, 1);
    if let Some(first) = all.first_mut() {
        first.keywords.clear();
    }
    for item in &all {
        let key = format!("{}-{}", item.name, ["x86", "any", "arm"][usize::try_from(item.id % 3).unwrap_or(0)]);
        if old.contains_key(&key) {
            continue;
        }
        let (mut ours, mut theirs) = (item.json(), item.json());
        for json in [&mut ours, &mut theirs] {
            json["Versions"] = serde_json::json!({format!("{}.{}", item.id % 7, item.id % 11): item.modified});
        }
        if let (true, Some(members)) = (item.keywords.is_empty(), theirs.as_object_mut()) {
            members.shift_remove("Keywords");
        }
        old.insert(key.clone(), ours);
        new.insert(key, theirs);
    }
    let said = |map: serde_json::Map<String, serde_json::Value>| {
        said(200, &[JSON], serde_json::json!({"packages": map}).to_string())
    };
    (format!("/info.json?ids={}", chance.below(90_000)), said(old), said(new))
}

/// A table of packages. `link` and `owner` say what new makes of a row.
fn table(all: &[Item], intro: u64, link: impl Fn(&Item) -> String, owner: impl Fn(&Item) -> String) -> String {
    let mut page = String::from(
        "<!DOCTYPE html><html><head><title>Packages</title></head><body><nav><ul><li><a href=\"/\">Home</a></li></ul></nav><div id=\"content\">",
    );
    for _ in 0..intro {
        page.push_str("<p class=\"note\">Welcome back.</p>");
    }
    let _ = write!(page, "<h2>{} packages found</h2><table class=\"results\"><thead>", all.len());
    page.push_str("<tr><th>Name</th><th>Text</th><th>Owner</th><th>Modified</th></tr></thead><tbody>");
    for item in all {
        let _ = write!(
            page,
            "<tr><td><a href=\"{}\">{}</a></td><td>{}</td><td>{}</td><td>{}</td></tr>",
            link(item),
            item.name,
            escaped(&item.description),
            owner(item),
            item.modified
        );
    }
    page.push_str("</tbody></table></div><footer><p>Archive</p></footer></body></html>");
    page
}

fn page(bug: usize, chance: &mut Chance) -> (String, Observation, Observation) {
    let mut all = items(chance, 1);
    let hit = all.first().map(|item| item.id).unwrap_or_default();
    if let (7, Some(first)) = (bug, all.first_mut()) {
        first.maintainer = None;
    }
    let right = |item: &Item| format!("/packages/{}", item.name);
    let wrong = |item: &Item| {
        format!("/packages/{}", if item.id == hit || item.id.is_multiple_of(3) { &item.base } else { &item.name })
    };
    let nobody = |item: &Item| item.maintainer.clone().unwrap_or_default();
    let none = |item: &Item| item.maintainer.clone().unwrap_or_else(|| "None".to_owned());
    let intro = chance.below(3);
    let old = table(&all, intro, right, nobody);
    let new = if bug == 6 { table(&all, intro, wrong, nobody) } else { table(&all, intro, right, none) };
    let target = format!("/packages/?O={}&SB=n", chance.below(9_000));
    (target, said(200, &[HTML], old), said(200, &[HTML], new))
}

fn login(chance: &mut Chance) -> (String, Observation, Observation) {
    let id = format!("{:016x}{:016x}", chance.below(u64::MAX), chance.below(u64::MAX));
    let cookie = format!("AURSID={id}; Path=/; Secure; HttpOnly; SameSite=Lax");
    let bare = cookie.replace(" HttpOnly;", "");
    let to = format!("/packages/{}", chance.name());
    let answer = |cookie: &str| said(302, &[("location", &to), ("set-cookie", cookie)], String::new());
    (format!("/login?next={}", chance.below(500)), answer(&cookie), answer(&bare))
}

fn failed(chance: &mut Chance) -> (String, Observation, Observation) {
    let all = items(chance, 1);
    let whole = table(&all, 1, |item| format!("/packages/{}", item.name), |_| String::new());
    let why = format!("<h1>Internal Server Error</h1><p>Reference {:x}</p>", chance.below(1 << 40));
    (format!("/packages/{}/comments", chance.name()), said(200, &[HTML], whole), said(500, &[HTML], why))
}

/// Which of the ten the mismatch of this number shows: each has its share in every hundred.
pub fn bug_of(number: u64) -> usize {
    let mut place = number * 37 % 100;
    for (bug, (_, share)) in BUGS.iter().enumerate() {
        if place < *share {
            return bug;
        }
        place -= share;
    }
    0
}

/// A pair that shows one bug and nothing else.
pub fn pair(bug: usize, chance: &mut Chance, rules: &Arc<Rules>) -> Pair {
    let (route, (target, control, candidate)) = match bug {
        0..=4 => ("rpc", search(bug, chance)),
        5 => ("info", by_name(chance)),
        6 | 7 => ("packages", page(bug, chance)),
        8 => ("login", login(chance)),
        _ => ("comments", failed(chance)),
    };
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static(MARK), HeaderValue::from(bug));
    let host = "aur.example".to_owned();
    Pair {
        route: route.into(),
        stage: "shadow",
        at: SystemTime::now(),
        request: Request { method: Method::GET, scheme: "https", host, target, headers },
        request_body: Bytes::new(),
        authoritative: Origin::Legacy,
        session: chance.below(5_000),
        control,
        control_time: Duration::from_micros(9_000 + chance.below(4_000)),
        candidate,
        candidate_time: Duration::from_micros(7_000 + chance.below(9_000)),
        rules: Arc::clone(rules),
    }
}
