<?php
/**
 * What every page needs: the session, form tokens, header and footer, small output helpers.
 */

include_once("config.inc.php");
include_once("DB.class.php");

/* One per response: inline scripts carry it, everything else inline is refused by the browser. */
$CSP_NONCE = base64_encode(random_bytes(12));
$PAGE_STARTED = microtime(true);

/** Escapes text for HTML. */
function h($text) {
	return htmlspecialchars((string)$text, ENT_QUOTES, "UTF-8");
}

/** The text of a query parameter; empty when it is missing or a list. */
function in_get($name) {
	return (isset($_GET[$name]) && is_string($_GET[$name])) ? $_GET[$name] : "";
}

function in_post($name) {
	return (isset($_POST[$name]) && is_string($_POST[$name])) ? $_POST[$name] : "";
}

function date_display($ts) {
	return gmdate("Y-m-d H:i", $ts) . " (UTC)";
}

function get_pkg_uri($name) {
	return "/packages/" . rawurlencode($name);
}

function get_user_uri($username) {
	return "/account/" . rawurlencode($username);
}

/** The site as the visitor sees it, without a final slash. */
function site_url() {
	$proto = isset($_SERVER["HTTP_X_FORWARDED_PROTO"]) ? $_SERVER["HTTP_X_FORWARDED_PROTO"] : "http";
	return $proto . "://" . $_SERVER["HTTP_HOST"];
}

/* ---- sessions ---- */

/**
 * The visitor's session row, or null. Touches it now and then so that it lives on.
 */
function current_session() {
	static $session = false;
	if ($session !== false) {
		return $session;
	}
	$session = null;
	$sid = isset($_COOKIE[SESSION_COOKIE]) ? $_COOKIE[SESSION_COOKIE] : "";
	if (!is_string($sid) || !preg_match('/^[0-9a-f]{32}$/D', $sid)) {
		return null;
	}
	$row = DB::row("SELECT Sessions.*, Users.Username FROM Sessions LEFT JOIN Users ON Users.ID = Sessions.UsersID " .
		"WHERE SessionID = ?", array($sid));
	if ($row === null || $row["LastUpdateTS"] < time() - LOGIN_TIMEOUT) {
		return null;
	}
	if ($row["LastUpdateTS"] < time() - SESSION_TOUCH_INTERVAL) {
		DB::execute("UPDATE Sessions SET LastUpdateTS = ? WHERE SessionID = ?", array(time(), $sid));
	}
	$session = $row;
	return $session;
}

/** ID of the user who is logged in, or null. */
function uid_from_sid() {
	$session = current_session();
	return $session === null ? null : $session["UsersID"];
}

function username_from_sid() {
	$session = current_session();
	return $session === null ? null : $session["Username"];
}

/** Makes a session, of a user or of a visitor who has not logged in yet, and hands out its cookie. */
function new_session($uid) {
	$sid = bin2hex(random_bytes(16));
	DB::execute("INSERT INTO Sessions (SessionID, UsersID, LastUpdateTS) VALUES (?, ?, ?)", array($sid, $uid, time()));
	setcookie(SESSION_COOKIE, $sid, array(
		"expires" => time() + LOGIN_TIMEOUT, "path" => "/", "httponly" => true, "samesite" => "Lax"
	));
	return $sid;
}

function delete_session($sid) {
	DB::execute("DELETE FROM Sessions WHERE SessionID = ?", array($sid));
}

/* ---- form tokens ---- */

function csrf_mac($sid, $salt) {
	$secret = DB::row("SELECT Value FROM Settings WHERE Name = 'csrf_secret'");
	return hash_hmac("sha256", $sid . "|" . $salt, $secret["Value"]);
}

/** A token for a form: fresh per response, bound to the session; either stack can check the other's. */
function csrf_token($sid) {
	$salt = bin2hex(random_bytes(8));
	return $salt . csrf_mac($sid, $salt);
}

function check_token() {
	$session = current_session();
	$token = in_post("token");
	if ($session === null || strlen($token) != 80) {
		return false;
	}
	$salt = substr($token, 0, 16);
	return hash_equals(csrf_mac($session["SessionID"], $salt), substr($token, 16));
}

/* ---- pages ---- */

function html_headers() {
	global $CSP_NONCE;
	header("Content-Type: text/html;charset=UTF-8");
	header("Cache-Control: no-cache, must-revalidate");
	header("Expires: Thu, 19 Nov 1981 08:52:00 GMT");
	header("Pragma: no-cache");
	header("Vary: Cookie");
	header("X-Frame-Options: DENY");
	header("X-Content-Type-Options: nosniff");
	header("Content-Security-Policy: default-src 'self'; img-src 'self' data:; script-src 'self' 'nonce-" . $CSP_NONCE . "'");
}

function html_header($title = "") {
	global $CSP_NONCE;
	html_headers();
	include("header.php");
}

function html_footer() {
	global $PAGE_STARTED;
	include("footer.php");
}

function redirect($location, $status = 302) {
	header("Location: " . $location, true, $status);
	exit();
}

/** Keeps the query when a path moves. */
function redirect_path($path) {
	$query = isset($_SERVER["QUERY_STRING"]) && $_SERVER["QUERY_STRING"] !== "" ? "?" . $_SERVER["QUERY_STRING"] : "";
	redirect($path . $query, 301);
}

function not_found() {
	header($_SERVER["SERVER_PROTOCOL"] . " 404 Not Found");
	include("404.php");
	exit();
}
