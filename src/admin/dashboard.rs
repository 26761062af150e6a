//! The status as a page: no script, no form, nothing fetched. It shows; commands change.

use std::fmt::Write;

use super::status::{BackendStatus, RouteStatus, Status};

pub fn page(status: &Status) -> String {
    let mut html = String::with_capacity(4096 + 512 * status.routes.len());
    html.push_str(HEAD);
    head(&mut html, status);
    troubles(&mut html, status);
    routes(&mut html, &status.routes);
    backends(&mut html, &status.backends);
    html.push_str("<p class=dim>Reload this page for newer figures. <a href=/metrics>metrics</a> · <a href=/api/v1/status>status as JSON</a> · <a href=/api/v1/report>report as JSON</a></p>\n");
    html
}

const HEAD: &str = "<!doctype html>\n<html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'><title>matapalo</title>
<style>
:root{color-scheme:light dark;font:15px/1.45 system-ui,sans-serif}
body{max-width:70rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%;margin:0 0 1.5rem}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #8884}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.dim{opacity:.7}.good{color:#2a8a3e}.bad{color:#c0392b}
.alarm{border-left:4px solid #c0392b;padding:.5rem 1rem;margin:1rem 0;background:#c0392b18;white-space:pre-wrap}
</style>
";

/// Writing to a string cannot fail.
macro_rules! put {
    ($html:expr, $($what:tt)*) => { let _ = writeln!($html, $($what)*); };
}

fn head(html: &mut String, status: &Status) {
    let class = if status.ready { "good" } else { "bad" };
    put!(html, "<h1>matapalo <small class={class}>{}</small></h1>", Escaped(&status.state));
    put!(
        html,
        "<p class=dim>version {} · pid {} · up {} · generation {} ({}) since {} · {} connections</p>",
        Escaped(&status.version),
        status.pid,
        for_people(status.uptime_seconds),
        status.generation,
        Escaped(status.hash.get(..12).unwrap_or(&status.hash)),
        Escaped(&status.loaded_at),
        status.connections
    );
}

fn troubles(html: &mut String, status: &Status) {
    if let Some((what, so)) = status.last_reload.trouble() {
        let errors = status.last_reload.errors.join("\n");
        put!(
            html,
            "<div class=alarm><b>{what}</b>; {so}, since {}.\n{}</div>",
            Escaped(&status.last_reload.at),
            Escaped(&errors)
        );
    }
    if let Some(since) = &status.rollbacks.all {
        put!(html, "<div class=alarm><b>Every route is rolled back</b> since {}.</div>", Escaped(since));
    }
    if !status.restart_needed.is_empty() {
        put!(html, "<div class=alarm>Takes a restart: {}</div>", Escaped(&status.restart_needed.join(", ")));
    }
    if let Some(error) = &status.store.error {
        put!(
            html,
            "<div class=alarm><b>The store {} takes nothing</b>: {}</div>",
            Escaped(&status.store.path),
            Escaped(error)
        );
    }
    if let Some(behind) = &status.store.behind {
        put!(html, "<div class=alarm><b>Nothing is ready</b> until comparing has caught up: {}</div>", Escaped(behind));
    }
}

fn routes(html: &mut String, routes: &[RouteStatus]) {
    html.push_str("<table><tr><th>Route<th>Stage<th class=n>By legacy<th class=n>By new<th class=n>By the door<th class=n>Compared<th class=n>Mismatched<th class=n>Unproven<th>Verdict</tr>\n");
    for route in routes {
        put!(
            html,
            "<tr><td>{}<td>{}<td class=n>{}<td class=n>{}<td class=n>{}<td class=n>{}<td class=n>{}<td class=n>{}<td>{}</tr>",
            Escaped(&route.route),
            Escaped(&route.stage_for_people()),
            route.requests.legacy,
            route.requests.new,
            route.requests.door,
            route.compared,
            route.mismatched,
            route.dropped,
            Escaped(route.verdict.as_deref().unwrap_or("–"))
        );
    }
    html.push_str("</table>\n");
}

fn backends(html: &mut String, backends: &[BackendStatus]) {
    html.push_str("<table><tr><th>Backend<th class=n>In flight<th>Endpoints</tr>\n");
    for backend in backends {
        put!(html, "<tr><td>{}<td class=n>{}<td>", Escaped(&backend.name), backend.in_flight);
        for endpoint in &backend.endpoints {
            let word = endpoint.word();
            let class = if word == "up" { "good" } else { "bad" };
            put!(html, "{} <span class={class}>{word}</span> ", Escaped(&endpoint.place()));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</table>\n");
}

/// `2 h 5 min`.
pub fn for_people(seconds: u64) -> String {
    match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, seconds) => format!("{seconds} s"),
        (0, 0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (0, hours, minutes, _) => format!("{hours} h {minutes} min"),
        (days, hours, _, _) => format!("{days} d {hours} h"),
    }
}

/// Text as HTML shows it, in an element or in a quoted attribute.
struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_name_holds_stays_text() {
        let escaped = Escaped(r#"<img src=x onerror='a("b")'> & more"#).to_string();
        assert_eq!(escaped, "&lt;img src=x onerror=&#39;a(&quot;b&quot;)&#39;&gt; &amp; more");
    }

    #[test]
    fn durations_are_told_in_two_units() {
        assert_eq!([5, 65, 7_265, 180_000].map(for_people), ["5 s", "1 min 5 s", "2 h 1 min", "2 d 2 h"]);
    }
}
