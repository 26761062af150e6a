//! Every rule that can hide a difference, by name. A name is written into configs and reports: it is never changed.
//!
//! What a rule covers is decided where the difference is found; here is only what it is called.

/// Who may switch it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Nobody sees it: on in the preset, what it hides counts as matched.
    Cosmetic,
    /// Somebody may care: off until the operator names it, what it hides counts as ignored.
    Optional,
}

macro_rules! catalogue {
    ($($class:ident { $($variant:ident $name:literal $what:literal)* })*) => {
        /// A named rule.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Rule { $($(#[doc = $what] $variant,)*)* }

        impl Rule {
            pub const ALL: &'static [Self] = &[$($(Self::$variant,)*)*];

            /// As written in configs and reports.
            pub fn name(self) -> &'static str {
                match self { $($(Self::$variant => $name,)*)* }
            }

            /// One line on what it hides.
            pub fn what(self) -> &'static str {
                match self { $($(Self::$variant => $what,)*)* }
            }

            pub fn class(self) -> Class {
                match self { $($(Self::$variant => Class::$class,)*)* }
            }
        }
    };
}

catalogue! {
    Cosmetic {
        // JSON text
        JsonSlashEscape "json_slash_escape" "`\\/` and `/`"
        JsonUnicodeEscape "json_unicode_escape" "`\\u00eb` and the character itself; U+2028, DEL"
        JsonHtmlEscape "json_html_escape" "`\\u003c` and `<`, likewise `>`, `&`, `'`, `\"` (JSON_HEX_TAG, Go)"
        JsonEscapeForm "json_escape_form" "`\\b` and `\\u0008`, hex digits in either case"
        JsonWhitespace "json_whitespace" "indentation, spaces and line ends between tokens"
        JsonBom "json_bom" "a byte order mark before the document"
        JsonKeyOrder "json_key_order" "object members in another order"
        JsonWholeFloat "json_whole_float" "`10` and `10.0`"
        JsonExponent "json_exponent" "`1.0e+25`, `1e+25` and the digits written out"
        JsonMinusZero "json_minus_zero" "`-0`, `-0.0` and `0`"
        JsonFloatDigits "json_float_digits" "15 or 17 digits of the same double"
        // Values made anew for every response: the value may differ, presence and shape may not
        VolatileRequestId "volatile_request_id" "a request or trace id of the same shape"
        VolatileTime "volatile_time" "the time of the answer, within the clock window"
        // HTTP
        HeaderServer "header_server" "Server, X-Powered-By, Via and the like"
        HeaderDate "header_date" "Date, Age"
        HeaderConnection "header_connection" "Connection, Keep-Alive, Transfer-Encoding, Upgrade"
        HeaderContentLength "header_content_length" "Content-Length; bodies are compared by themselves"
        HeaderContentEncoding "header_content_encoding" "gzip, br, zstd or none; bodies are compared decoded"
        HeaderRequestId "header_request_id" "the value of a request or trace id"
        HeaderTiming "header_timing" "Server-Timing, X-Runtime and the like"
        HeaderCounter "header_counter" "rate-limit and other counters"
        HeaderSpelling "header_spelling" "case and spacing of parameters, order of directives, defaults spelled out"
        HeaderValidator "header_validator" "the value of ETag and Last-Modified, weak or strong"
        HeaderClock "header_clock" "dates within the clock window"
        HeaderNonce "header_nonce" "the value of a CSP nonce"
        ContentTypeUnused "content_type_unused" "Content-Type where there is no body (204, 304, redirects)"
        RedirectSpelling "redirect_spelling" "the same redirect target, written otherwise"
        RedirectToken "redirect_token" "the value of an OAuth `state`, nonce or token in a redirect target"
        RedirectBody "redirect_body" "the body of a redirect"
        CookieSpelling "cookie_spelling" "case and order of cookie attributes, Max-Age that says what Expires says"
        CookieDeletion "cookie_deletion" "two ways to delete the same cookie"
        CookieToken "cookie_token" "the value of a session or token cookie, of the same shape"
        CookieClock "cookie_clock" "cookie lifetimes within the clock window"
        // HTML, XML, text
        TextLineEnds "text_line_ends" "CRLF and LF"
        TextFinalNewline "text_final_newline" "white space at the very end"
        TextBom "text_bom" "a byte order mark"
        EventSpelling "event_spelling" "comments and spacing of an event stream"
        HtmlEntities "html_entities" "the same character, written as another entity or as itself"
        HtmlSyntax "html_syntax" "tag case, quotes, `<br />`, bare attributes, optional and implied tags"
        HtmlAttributeOrder "html_attribute_order" "attributes in another order"
        HtmlWhitespace "html_whitespace" "white space where it does not show"
        HtmlComments "html_comment_text" "comments, but for conditional ones"
        HtmlClassTokens "html_class_tokens" "order and spacing of class tokens"
        HtmlStyleSpacing "html_style_spacing" "spacing and semicolons in style attributes"
        HtmlUrlSpelling "html_url_spelling" "the same link target, written otherwise"
        HtmlVolatile "html_volatile" "a request id, render time or answer time shown in the page"
        XmlSyntax "xml_syntax" "`<b/>` and `<b />`, quotes of the declaration, character references"
    }
    Optional {
        FloatTolerance "float_tolerance" "numbers closer than the tolerance"
        BigintFloat "bigint_float" "a whole number beyond 2^63 that one side prints as a float"
        NumericStrings "numeric_strings" "`\"42\"` and `42`"
        EmptyArrayObject "empty_array_object" "`[]` and `{}`"
        NullMissing "null_missing" "`null` and no such member"
        VolatileDuration "volatile_duration" "how long the answer took, in a value that is called so"
        DateFormats "date_formats" "the same instant, written otherwise"
        Unordered "unordered" "array elements in another order"
        ErrorBody "error_body" "bodies of failures (5xx) of the same status"
        MethodStrictness "method_strictness" "405 for a method that legacy answered"
        RequestIdPresence "request_id_presence" "a request id header that only one side sends"
        ConditionalComments "html_comments" "conditional comments"
        Doctype "doctype" "XHTML 1.0 and HTML5 doctypes of the same rendering mode"
        Nbsp "nbsp" "a no-break space and a space"
        Csrf "csrf" "the value of a CSRF token or nonce, by its name or a selector"
        AssetVersion "asset_version" "`?v=`, hashes and build ids of assets, by their form or a selector"
        OwnHostLinks "own_host_links" "relative and absolute links to the own site"
        XmlDecl "xml_decl" "a missing XML declaration"
    }
}

impl Rule {
    pub const COUNT: usize = Self::ALL.len();

    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|rule| rule.name() == name)
    }
}
