<?php
include_once("pkgfuncs.inc.php");

$row = pkg_by_name($_GET["name"]);
if ($row === null) {
	not_found();
}
if ($_SERVER["REQUEST_METHOD"] == "POST") {
	if (uid_from_sid() === null) {
		redirect("/login?referer=" . urlencode(get_pkg_uri($row["Name"])));
	}
	if (check_token()) {
		/* NumVotes and Popularity follow by the nightly job. */
		DB::execute("INSERT OR IGNORE INTO PackageVotes (UsersID, PackageBaseID, VoteTS) VALUES (?, ?, ?)",
			array(uid_from_sid(), $row["BaseID"], time()));
	}
}
redirect(get_pkg_uri($row["Name"]));
