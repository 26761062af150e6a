<?php
/**
 * Accounts: passwords, logging in, profiles.
 */

include_once("aur.inc.php");

function user_by_name($username) {
	return DB::row("SELECT * FROM Users WHERE Username = ?", array($username));
}

function user_by_id($uid) {
	return DB::row("SELECT * FROM Users WHERE ID = ?", array($uid));
}

/** ID of the user with this name and password, or null. */
function try_login($username, $password) {
	$user = user_by_name($username);
	if ($user === null) {
		return null;
	}
	$hash = hash_pbkdf2("sha256", $password, $user["Salt"], PBKDF2_ROUNDS);
	return hash_equals($user["Passwd"], $hash) ? $user["ID"] : null;
}

/** Where to go after the login: a path of this site, or home. */
function safe_referer($path) {
	if ($path === "" || $path[0] != "/" || substr($path, 0, 2) == "//" || strpos($path, "\\") !== false ||
		preg_match('/[\x00-\x20\x7f]/', $path)) {
		return "/";
	}
	return $path;
}

function count_votes($uid) {
	$row = DB::row("SELECT COUNT(*) AS n FROM PackageVotes WHERE UsersID = ?", array($uid));
	return $row["n"];
}
