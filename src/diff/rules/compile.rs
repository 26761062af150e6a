//! Spec → rules: every mistake at once, each located by its keys.

use super::side::{Side, has_sides};
use super::spec::{AcceptSpec, OneOrMany, SelectSpec, SwitchSpec, ToleranceSpec};
use super::{Accept, At, Class, Reach, Rule, RuleError, Rules, RulesSpec, Tolerance};
use crate::diff::clock;

/// A plain `float_tolerance` covers the last digits of large numbers too: what is left when PHP prints 14 of them.
const LAST_DIGITS: f64 = 1e-13;

/// `float_tolerance` switched on without a number: what 64-bit arithmetic in another order costs.
const DEFAULT_TOLERANCE: Tolerance = Tolerance { absolute: 0.0, relative: 1e-9 };

const SECONDS_PER_DAY: i64 = 86_400;

impl Rules {
    pub(super) fn preset_php() -> Self {
        Self::with_cosmetics(Reach::Everywhere)
    }

    fn with_cosmetics(cosmetic: Reach) -> Self {
        let reach = |rule: &Rule| match rule.class() {
            Class::Cosmetic => cosmetic.clone(),
            Class::Optional => Reach::Nowhere,
        };
        Self {
            reach: Rule::ALL.iter().map(reach).collect(),
            sides: Vec::new(),
            scoped: false,
            ignore: Vec::new(),
            unordered: Vec::new(),
            match_by: Vec::new(),
            accept: Vec::new(),
            tolerance: DEFAULT_TOLERANCE,
            csrf_selectors: Vec::new(),
            asset_selectors: Vec::new(),
        }
    }

    fn switch(&mut self, rule: Rule, reach: Reach) {
        if let Some(slot) = self.reach.get_mut(rule as usize) {
            *slot = reach;
        }
    }
}

pub(super) fn compile(spec: &RulesSpec) -> Result<Rules, Vec<RuleError>> {
    let mut errors = Errors::default();
    let mut rules = match spec.preset.as_deref() {
        None | Some("php") => Rules::preset_php(),
        Some("none") => Rules::with_cosmetics(Reach::Nowhere),
        Some(other) => {
            errors.add(&["preset"], format!("no preset {other:?}: want php or none"));
            Rules::preset_php()
        }
    };
    options(spec, &mut rules, &mut errors);
    selections(spec, &mut rules);
    tolerance(spec, &mut rules, &mut errors);
    for (name, switch) in &spec.rules {
        single(name, switch, &mut rules, &mut errors);
    }
    rules.ignore = places("ignore", spec.ignore.as_ref(), &mut errors);
    rules.unordered = arrays(spec.unordered.as_ref(), &mut errors);
    for (place, member) in &spec.match_by {
        match At::parse(place) {
            Ok(at @ (At::Pointer(_) | At::Css(_))) => rules.match_by.push((at, member.clone())),
            Ok(_) => errors.add(&["match_by", place], format!("{place:?} is neither a JSON pointer nor css:SELECTOR")),
            Err(message) => errors.add(&["match_by", place], message),
        }
    }
    for (index, accept) in spec.accept.iter().enumerate() {
        rules.accept.extend(accepted(index, accept, &mut errors));
    }
    rules.scoped = rules.reach.iter().any(|reach| matches!(reach, Reach::At(_))) || !rules.sides.is_empty();
    if errors.0.is_empty() { Ok(rules) } else { Err(errors.0) }
}

#[derive(Default)]
struct Errors(Vec<RuleError>);

impl Errors {
    fn add(&mut self, at: &[&str], message: String) {
        self.0.push(RuleError { at: at.iter().map(|key| (*key).to_owned()).collect(), message });
    }
}

fn options(spec: &RulesSpec, rules: &mut Rules, errors: &mut Errors) {
    let switches = [
        (Rule::BigintFloat, spec.bigint_float),
        (Rule::NumericStrings, spec.numeric_strings),
        (Rule::EmptyArrayObject, spec.empty_array_object),
        (Rule::NullMissing, spec.null_missing),
        (Rule::DateFormats, spec.date_formats),
        (Rule::ErrorBody, spec.error_body),
        (Rule::MethodStrictness, spec.method_strictness),
        (Rule::RequestIdPresence, spec.request_id_presence),
        (Rule::ConditionalComments, spec.html_comments),
        (Rule::Doctype, spec.doctype),
        (Rule::Nbsp, spec.nbsp),
        (Rule::OwnHostLinks, spec.own_host_links),
        (Rule::XmlDecl, spec.xml_decl),
    ];
    for (rule, switch) in switches {
        if let Some(on) = switch {
            rules.switch(rule, everywhere_if(on));
        }
    }
    match spec.key_order.as_deref() {
        None | Some("any") => {}
        Some("strict") => rules.switch(Rule::JsonKeyOrder, Reach::Nowhere),
        Some(other) => errors.add(&["key_order"], format!("no key order {other:?}: want strict or any")),
    }
}

fn everywhere_if(on: bool) -> Reach {
    if on { Reach::Everywhere } else { Reach::Nowhere }
}

fn selections(spec: &RulesSpec, rules: &mut Rules) {
    let mut select = |rule, chosen: Option<&SelectSpec>| -> Vec<String> {
        match chosen {
            None => Vec::new(),
            Some(SelectSpec::Bool(on)) => {
                rules.switch(rule, everywhere_if(*on));
                Vec::new()
            }
            Some(SelectSpec::Selectors(list)) => {
                rules.switch(rule, Reach::Everywhere);
                list.items().iter().map(|item| item.strip_prefix("css:").unwrap_or(item).to_owned()).collect()
            }
        }
    };
    let csrf = select(Rule::Csrf, spec.csrf.as_ref());
    let assets = select(Rule::AssetVersion, spec.asset_version.as_ref());
    rules.csrf_selectors = csrf;
    rules.asset_selectors = assets;
}

fn tolerance(spec: &RulesSpec, rules: &mut Rules, errors: &mut Errors) {
    let wanted = match &spec.float_tolerance {
        None => return,
        Some(ToleranceSpec::Absolute(absolute)) => {
            Tolerance { absolute: *absolute, relative: absolute.min(LAST_DIGITS) }
        }
        Some(ToleranceSpec::Both(both)) => {
            Tolerance { absolute: both.absolute.unwrap_or(0.0), relative: both.relative.unwrap_or(0.0) }
        }
    };
    let sane = |bound: f64| bound.is_finite() && bound >= 0.0;
    if !sane(wanted.absolute) || !sane(wanted.relative) {
        errors.add(&["float_tolerance"], "want a number of zero or more, such as 1e-9".to_owned());
        return;
    }
    rules.tolerance = wanted;
    rules.switch(Rule::FloatTolerance, Reach::Everywhere);
}

fn single(name: &str, switch: &SwitchSpec, rules: &mut Rules, errors: &mut Errors) {
    let Some(rule) = Rule::by_name(name) else {
        errors.add(&["rules", name], format!("no rule {name:?}{}", did_you_mean(name)));
        return;
    };
    let reach = match switch {
        SwitchSpec::Bool(on) => everywhere_if(*on),
        SwitchSpec::Word(word) if word == "on" => Reach::Everywhere,
        SwitchSpec::Word(word) if word == "off" => Reach::Nowhere,
        SwitchSpec::Word(word) => {
            errors.add(&["rules", name], format!("{word:?}: want on, off, or {{at: [PLACE, …], side: legacy}}"));
            return;
        }
        SwitchSpec::Scoped(scope) => {
            let mut at = Vec::new();
            for (index, place) in scope.at.as_ref().map_or(&[][..], OneOrMany::items).iter().enumerate() {
                match At::parse(place) {
                    Ok(parsed) => at.push(parsed),
                    Err(message) => errors.add(&["rules", name, "at", &index.to_string()], message),
                }
            }
            limit_to_side(rule, scope.side, rules, errors);
            if scope.at.is_some() { Reach::At(at) } else { everywhere_if(scope.side.is_some()) }
        }
    };
    rules.switch(rule, reach);
}

fn limit_to_side(rule: Rule, side: Option<Side>, rules: &mut Rules, errors: &mut Errors) {
    let Some(side) = side else { return };
    if has_sides(rule) {
        rules.sides.push((rule, side));
    } else {
        let message = format!("{:?} has no side: neither of its two forms is the odd one", rule.name());
        errors.add(&["rules", rule.name(), "side"], message);
    }
}

fn did_you_mean(name: &str) -> String {
    let nearest = Rule::ALL.iter().map(|rule| (strsim::jaro_winkler(name, rule.name()), rule.name()));
    match nearest.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((likeness, rule)) if likeness > 0.8 => format!(": did you mean {rule:?}?"),
        _ => String::new(),
    }
}

fn places(key: &str, list: Option<&OneOrMany>, errors: &mut Errors) -> Vec<(At, String)> {
    let mut found = Vec::new();
    for (index, written) in list.map_or(&[][..], OneOrMany::items).iter().enumerate() {
        match At::parse(written) {
            Ok(at) => found.push((at, written.clone())),
            Err(message) => errors.add(&[key, &index.to_string()], message),
        }
    }
    found
}

fn arrays(list: Option<&OneOrMany>, errors: &mut Errors) -> Vec<At> {
    let mut found = Vec::new();
    for (index, (at, written)) in places("unordered", list, errors).into_iter().enumerate() {
        match at {
            At::Pointer(_) | At::Css(_) => found.push(at),
            _ => errors.add(
                &["unordered", &index.to_string()],
                format!("{written:?} is neither a JSON pointer nor css:SELECTOR"),
            ),
        }
    }
    found
}

fn accepted(index: usize, spec: &AcceptSpec, errors: &mut Errors) -> Option<Accept> {
    let number = index.to_string();
    if spec.reason.trim().is_empty() {
        errors.add(&["accept", &number, "reason"], "want the reason why this difference is intended".to_owned());
    }
    let expires = match &spec.until {
        None => None,
        Some(day) => match clock::day(day) {
            Some(start) => Some(start + SECONDS_PER_DAY),
            None => {
                errors.add(&["accept", &number, "until"], format!("{day:?} is no day: want one such as 2026-12-31"));
                None
            }
        },
    };
    match At::parse(&spec.at) {
        Ok(at) => Some(Accept {
            at,
            was: spec.was.clone(),
            is: spec.is.clone(),
            reason: spec.reason.clone(),
            expires,
            label: super::own::accept_label(spec),
            spec: spec.clone(),
        }),
        Err(message) => {
            errors.add(&["accept", &number, "at"], message);
            None
        }
    }
}
