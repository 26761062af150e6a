<?php
include_once("pkgfuncs.inc.php");

$row = pkg_by_name($_GET["name"]);
if ($row === null) {
	not_found();
}
$keywords = pkgbase_keywords($row["BaseID"]);
$depends = array();
foreach (array("depends", "makedepends", "optdepends") as $type) {
	$depends[$type] = pkg_dependencies($row["ID"], $type);
}
$sid = uid_from_sid() === null ? null : current_session()["SessionID"];

html_header($row["Name"]);
include("pkg_details.php");
html_footer();
