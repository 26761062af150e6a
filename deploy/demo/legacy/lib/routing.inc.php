<?php
/**
 * Paths and the scripts behind them.
 */

$ROUTES = array(
	"/" => "home.php",
	"/packages/" => "packages.php",
	"/package.php" => "legacy_links.php",
	"/packages.php" => "legacy_links.php",
	"/rpc" => "rpc.php",
	"/rpc/" => "rpc.php",
	"/rpc.php" => "rpc.php",
	"/rss/" => "rss.php",
	"/login" => "login.php",
	"/logout" => "logout.php",
	"/account" => "account.php",
	"/statistics/" => "statistics.php",
	"/requests/" => "requests.php",
	"/healthz" => "healthz.php",
);

/* Typed without the final slash, or with one too many: sent to where the page is. */
$MOVED = array(
	"/packages" => "/packages/",
	"/rss" => "/rss/",
	"/statistics" => "/statistics/",
	"/requests" => "/requests/",
	"/login/" => "/login",
	"/account/" => "/account",
);

/** The script of a path below /packages/{name}, or null. Sets what the script needs to know. */
function package_route($tokens) {
	$_GET["name"] = rawurldecode($tokens[2]);
	if (count($tokens) == 3) {
		return "package.php";
	}
	switch ($tokens[3]) {
	case "":
		if (count($tokens) == 4) {
			redirect_path("/packages/" . $tokens[2]);
		}
		return null;
	case "vote":
		return count($tokens) == 4 ? "vote.php" : null;
	case "snapshot.tar.gz":
		return count($tokens) == 4 ? "snapshot.php" : null;
	}
	return null;
}

function get_route($path) {
	global $ROUTES, $MOVED;

	if (isset($ROUTES[$path])) {
		return $ROUTES[$path];
	}
	if (isset($MOVED[$path])) {
		redirect_path($MOVED[$path]);
	}
	$tokens = explode("/", $path);
	if (count($tokens) >= 3 && $tokens[1] == "packages" && $tokens[2] != "") {
		return package_route($tokens);
	}
	if (count($tokens) == 3 && $tokens[1] == "account") {
		$_GET["username"] = rawurldecode($tokens[2]);
		return "account.php";
	}
	return null;
}
