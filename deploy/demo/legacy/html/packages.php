<?php
include_once("pkgfuncs.inc.php");

$params = search_params();
$found = pkg_search($params);
$total = count($found);
$pages = max(1, (int)ceil($total / $params["PP"]));
$page = (int)floor($params["O"] / $params["PP"]) + 1;
$rows = array_slice($found, $params["O"], $params["PP"]);

html_header($params["q"] === "" ? "Packages" : "Search: " . $params["q"]);
include("search_form.php");
include("pkg_search_results.php");
html_footer();
