<?php
/**
 * Packages: finding, sorting, describing.
 */

include_once("aur.inc.php");

define("PKG_COLUMNS", "Packages.ID, Packages.Name, Packages.Version, Packages.Description, Packages.URL, Packages.License, " .
	"PackageBases.ID AS BaseID, PackageBases.Name AS BaseName, PackageBases.NumVotes, PackageBases.Popularity, " .
	"PackageBases.OutOfDateTS, PackageBases.SubmittedTS, PackageBases.ModifiedTS, Users.Username AS Maintainer");
define("PKG_TABLES", "Packages JOIN PackageBases ON PackageBases.ID = Packages.PackageBaseID " .
	"LEFT JOIN Users ON Users.ID = PackageBases.MaintainerUID");

function pkg_by_name($name) {
	return DB::row("SELECT " . PKG_COLUMNS . " FROM " . PKG_TABLES . " WHERE Packages.Name = ?", array($name));
}

function pkgname_by_id($id) {
	$row = DB::row("SELECT Name FROM Packages WHERE ID = ?", array($id));
	return $row === null ? null : $row["Name"];
}

function pkg_dependencies($pkgid, $type) {
	return DB::column("SELECT DepName FROM PackageDepends WHERE PackageID = ? AND DepType = ? ORDER BY rowid", array($pkgid, $type));
}

function pkgbase_keywords($baseid) {
	return DB::column("SELECT Keyword FROM PackageKeywords WHERE PackageBaseID = ? ORDER BY Keyword", array($baseid));
}

function latest_pkgs($count) {
	return DB::rows("SELECT " . PKG_COLUMNS . " FROM " . PKG_TABLES .
		" ORDER BY PackageBases.ModifiedTS DESC, Packages.ID ASC LIMIT " . intval($count));
}

function pkgs_of_maintainer($uid) {
	return DB::rows("SELECT " . PKG_COLUMNS . " FROM " . PKG_TABLES .
		" WHERE PackageBases.MaintainerUID = ? ORDER BY Packages.Name", array($uid));
}

/** Text as a LIKE pattern that finds it anywhere. */
function like_anywhere($text) {
	return "%" . addcslashes($text, "\\%_") . "%";
}

/** What the visitor asked the package list for, every value made sane. */
function search_params() {
	$sort = in_get("SB");
	$per_page = intval(in_get("PP"));
	return array(
		"q" => trim(in_get("q")),
		"by" => in_array(in_get("by"), array("n", "m", "k")) ? in_get("by") : "nd",
		"SB" => in_array($sort, array("n", "v", "l", "m")) ? $sort : "p",
		"SO" => in_get("SO") == "a" ? "a" : (in_get("SO") == "d" ? "d" : ($sort == "n" || $sort == "m" ? "a" : "d")),
		"O" => max(0, intval(in_get("O"))),
		"PP" => in_array($per_page, array(50, 100, 250)) ? $per_page : DEFAULT_PER_PAGE,
		"orphans" => in_get("orphans") == "on",
	);
}

/** All packages that a search finds, in its order. */
function pkg_search($params) {
	$where = "1 = 1";
	$args = array();
	if ($params["q"] !== "") {
		switch ($params["by"]) {
		case "n":
			$where .= " AND Packages.Name LIKE ? ESCAPE '\\'";
			$args[] = like_anywhere($params["q"]);
			break;
		case "m":
			$where .= " AND Users.Username = ?";
			$args[] = $params["q"];
			break;
		case "k":
			$where .= " AND PackageBases.ID IN (SELECT PackageBaseID FROM PackageKeywords WHERE Keyword = ?)";
			$args[] = $params["q"];
			break;
		default:
			$where .= " AND (Packages.Name LIKE ? ESCAPE '\\' OR Packages.Description LIKE ? ESCAPE '\\')";
			$args[] = like_anywhere($params["q"]);
			$args[] = like_anywhere($params["q"]);
		}
	}
	if ($params["orphans"]) {
		$where .= " AND PackageBases.MaintainerUID IS NULL";
	}

	$direction = $params["SO"] == "a" ? "ASC" : "DESC";
	switch ($params["SB"]) {
	case "v":
		$order = "PackageBases.NumVotes $direction, Packages.Name ASC";
		break;
	case "l":
		$order = "PackageBases.ModifiedTS $direction, Packages.Name ASC";
		break;
	case "m":
		$order = "Users.Username $direction, Packages.Name ASC";
		break;
	case "n":
		$order = "Packages.Name ASC";
		break;
	default:
		$order = "PackageBases.Popularity $direction, Packages.Name ASC";
	}

	$rows = DB::rows("SELECT " . PKG_COLUMNS . " FROM " . PKG_TABLES . " WHERE $where ORDER BY $order", $args);
	if ($params["SB"] == "n") {
		/* foo2 before foo10, Bar beside bar: nobody looks for upper case first. */
		$sign = $params["SO"] == "a" ? 1 : -1;
		usort($rows, function($a, $b) use ($sign) {
			return $sign * strnatcasecmp($a["Name"], $b["Name"]);
		});
	}
	return $rows;
}

/** The query of a link to the same list, some values changed. */
function search_link($params, $changes = array()) {
	$query = array();
	foreach (array_merge($params, $changes) as $key => $value) {
		if ($key == "orphans") {
			if ($value) {
				$query[$key] = "on";
			}
		} else if ($value !== "") {
			$query[$key] = $value;
		}
	}
	return "/packages/?" . http_build_query($query);
}
