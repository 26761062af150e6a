<?php
/* Links from before there were nice paths; they are in bookmarks, wikis and scripts for ever. */
include_once("pkgfuncs.inc.php");

header("X-Frame-Options: DENY");

if ($path == "/packages.php") {
	$name = in_get("ID") !== "" ? pkgname_by_id(intval(in_get("ID"))) : null;
	if ($name === null) {
		redirect("/packages/" . (in_get("K") === "" ? "" : "?" . http_build_query(array("q" => in_get("K")))));
	}
	redirect(get_pkg_uri($name));
}

$name = pkgname_by_id(intval(in_get("ID")));
if ($name === null) {
	not_found();
}
redirect(get_pkg_uri($name));
