//! Cases in files: `tests/cases/route/*.yaml`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::*;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    routes: Vec<Route>,
    requests: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Route {
    name: String,
    path: PathSpec,
    #[serde(default)]
    hosts: Vec<String>,
    #[serde(default)]
    methods: Vec<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    query: BTreeMap<String, String>,
    #[serde(default)]
    cookies: BTreeMap<String, String>,
}

/// One of the four keys, as in the config file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PathSpec {
    exact: Option<String>,
    prefix: Option<String>,
    template: Option<String>,
    regex: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// Method, path, and perhaps `?query`.
    ask: String,
    #[serde(default)]
    host: String,
    /// Lines `name: value`; a name may come again.
    #[serde(default)]
    headers: Vec<String>,
    /// The name of a route, `none` or `ambiguous`.
    finds: String,
}

impl PathSpec {
    fn pattern(&self) -> PathPattern {
        let parsed = match self {
            Self { exact: Some(text), .. } => PathPattern::exact(text),
            Self { prefix: Some(text), .. } => PathPattern::prefix(text),
            Self { template: Some(text), .. } => PathPattern::template(text),
            Self { regex: Some(text), .. } => PathPattern::regex(text),
            none => panic!("no pattern in {none:?}"),
        };
        parsed.unwrap()
    }
}

impl Route {
    fn matcher(&self) -> Matcher {
        let pairs = |map: &BTreeMap<String, String>| map.clone().into_iter().collect();
        Matcher {
            hosts: self.hosts.iter().map(|host| host.parse().unwrap()).collect(),
            path: self.path.pattern(),
            methods: self.methods.iter().map(|method| method.parse().unwrap()).collect(),
            headers: self.headers.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect(),
            query: pairs(&self.query),
            cookies: pairs(&self.cookies),
        }
    }
}

impl Case {
    fn request(&self) -> Request {
        let (method, target) = self.ask.split_once(' ').expect("METHOD /path");
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let mut request = Request { method: method.parse().unwrap(), ..Request::get(path) }.on(&self.host);
        request.query = query.map(str::to_owned);
        for line in &self.headers {
            let (name, value) = line.split_once(": ").expect("name: value");
            request = request.header(name, value);
        }
        request
    }
}

fn found(table: &RouteTable, names: &[&str], case: &Case) -> String {
    let request = case.request();
    let found = table.find(&request.parts());
    assert_eq!(table.explain(&request.parts()).outcome(), found, "{case:?}");
    match found {
        Ok(Some(route)) => names[route.index()].to_owned(),
        Ok(None) => "none".to_owned(),
        Err(Ambiguous::TwoRoutes { .. }) => "ambiguous".to_owned(),
        Err(Ambiguous::TooManyReadings) => "too many readings".to_owned(),
    }
}

#[test]
fn every_case_finds_its_route() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/route");
    let mut failures = Vec::new();
    let mut asked = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let file = entry.unwrap().path();
        let text = std::fs::read_to_string(&file).unwrap();
        let cases: Cases = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let names: Vec<&str> = cases.routes.iter().map(|route| route.name.as_str()).collect();
        let table = RouteTable::build(cases.routes.iter().map(Route::matcher).collect());
        for case in &cases.requests {
            asked += 1;
            let found = found(&table, &names, case);
            if found != case.finds {
                failures.push(format!("{}: {case:?} found {found}", file.file_name().unwrap().display()));
            }
        }
    }
    assert!(asked > 100, "only {asked} cases in {}", folder.display());
    assert!(failures.is_empty(), "{} of {asked}:\n{}", failures.len(), failures.join("\n"));
}
