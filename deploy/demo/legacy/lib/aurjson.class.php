<?php
/**
 * The JSON interface, version 5.
 */

include_once("pkgfuncs.inc.php");

class AurJSON {
	private static $fields_search = array("nd" => "name-desc", "n" => "name", "m" => "maintainer", "k" => "keywords");

	public function handle($http_data) {
		header("Content-Type: application/json");
		header("X-Content-Type-Options: nosniff");
		header("Cache-Control: public, max-age=60");

		$version = isset($http_data["v"]) && is_string($http_data["v"]) ? intval($http_data["v"]) : null;
		if ($version === null) {
			return $this->json_error("Please specify an API version.");
		}
		if ($version != 5) {
			return $this->json_error("Invalid version specified.");
		}
		if (!isset($http_data["type"]) || !isset($http_data["arg"])) {
			return $this->json_error("No request type/data specified.");
		}
		switch ($http_data["type"]) {
		case "search":
			return $this->search($http_data);
		case "info":
		case "multiinfo":
			return $this->info($http_data);
		case "suggest":
			return $this->suggest($http_data);
		}
		return $this->json_error("Incorrect request type specified.");
	}

	private function json_error($msg) {
		return $this->json_results("error", array(), $msg);
	}

	private function json_results($type, $data, $error = null) {
		$json = array(
			"version" => 5,
			"type" => $type,
			"resultcount" => count($data),
			"results" => $data
		);
		if ($error !== null) {
			$json["error"] = $error;
		}
		return json_encode($json);
	}

	private function search($http_data) {
		$by = isset($http_data["by"]) && is_string($http_data["by"]) ? $http_data["by"] : "name-desc";
		if (!in_array($by, self::$fields_search)) {
			return $this->json_error("Incorrect by field specified.");
		}
		if (!is_string($http_data["arg"]) || strlen($http_data["arg"]) < 2) {
			return $this->json_error("Query arg too small.");
		}
		$rows = pkg_search(array(
			"q" => $http_data["arg"], "by" => array_search($by, self::$fields_search), "SB" => "v", "SO" => "d", "orphans" => false
		));
		if (count($rows) > MAX_RPC_RESULTS) {
			return $this->json_error("Too many package results.");
		}
		return $this->json_results("search", array_map(array($this, "summary"), $rows));
	}

	private function info($http_data) {
		$names = is_array($http_data["arg"]) ? $http_data["arg"] : array($http_data["arg"]);
		$results = array();
		foreach ($names as $name) {
			$row = is_string($name) ? pkg_by_name($name) : null;
			if ($row !== null) {
				$results[] = $this->details($row);
			}
		}
		return $this->json_results("multiinfo", $results);
	}

	/** Up to twenty names that begin so; a bare list. */
	private function suggest($http_data) {
		$start = is_string($http_data["arg"]) ? $http_data["arg"] : "";
		return json_encode(DB::column("SELECT Name FROM Packages WHERE Name LIKE ? ESCAPE '\\' ORDER BY Name LIMIT 20",
			array(addcslashes($start, "\\%_") . "%")));
	}

	private function summary($row) {
		return array(
			"ID" => $row["ID"],
			"Name" => $row["Name"],
			"PackageBaseID" => $row["BaseID"],
			"PackageBase" => $row["BaseName"],
			"Version" => $row["Version"],
			"Description" => $row["Description"],
			"URL" => $row["URL"],
			"NumVotes" => $row["NumVotes"],
			"Popularity" => $row["Popularity"],
			"OutOfDate" => $row["OutOfDateTS"],
			"Maintainer" => $row["Maintainer"],
			"FirstSubmitted" => $row["SubmittedTS"],
			"LastModified" => $row["ModifiedTS"],
			"URLPath" => get_pkg_uri($row["Name"]) . "/snapshot.tar.gz"
		);
	}

	private function details($row) {
		$details = $this->summary($row);
		$details["License"] = $row["License"] === null ? array() : explode(", ", $row["License"]);
		$details["Depends"] = pkg_dependencies($row["ID"], "depends");
		$details["MakeDepends"] = pkg_dependencies($row["ID"], "makedepends");
		$details["OptDepends"] = pkg_dependencies($row["ID"], "optdepends");
		$details["Keywords"] = pkgbase_keywords($row["BaseID"]);
		return $details;
	}
}
