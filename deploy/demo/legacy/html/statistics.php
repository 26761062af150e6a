<?php
include_once("pkgfuncs.inc.php");

$general = array(
	"Packages" => "SELECT COUNT(*) AS n FROM Packages",
	"Package Bases" => "SELECT COUNT(*) AS n FROM PackageBases",
	"Orphans" => "SELECT COUNT(*) AS n FROM PackageBases WHERE MaintainerUID IS NULL",
	"Flagged out of date" => "SELECT COUNT(*) AS n FROM PackageBases WHERE OutOfDateTS IS NOT NULL",
	"Never updated" => "SELECT COUNT(*) AS n FROM PackageBases WHERE SubmittedTS = ModifiedTS",
	"Registered Users" => "SELECT COUNT(*) AS n FROM Users",
	"Votes" => "SELECT SUM(NumVotes) AS n FROM PackageBases",
);
$popular = DB::rows("SELECT " . PKG_COLUMNS . " FROM " . PKG_TABLES . " ORDER BY PackageBases.Popularity DESC, Packages.Name ASC LIMIT 10");
$busy = DB::rows("SELECT Users.Username, COUNT(*) AS n FROM PackageBases JOIN Users ON Users.ID = PackageBases.MaintainerUID " .
	"GROUP BY Users.ID ORDER BY n DESC, Users.Username ASC LIMIT 10");

html_header("Statistics");
?>
<div id="stats" class="box">
      <h2>Statistics</h2>
      <table id="general">
<?php foreach ($general as $text => $query): ?>
        <tr><th><?= $text ?></th><td><?= number_format(DB::row($query)["n"]) ?></td></tr>
<?php endforeach; ?>
      </table>
      <h3>Most Popular</h3>
      <table id="popular">
        <tr><th>Name</th><th>Votes</th><th>Popularity</th></tr>
<?php foreach ($popular as $row): ?>
        <tr><td><a href="<?= h(get_pkg_uri($row["Name"])) ?>"><?= h($row["Name"]) ?></a></td><td><?= $row["NumVotes"] ?></td><td class="popularity"><?= number_format($row["Popularity"], 2) ?></td></tr>
<?php endforeach; ?>
      </table>
      <h3>Busiest Maintainers</h3>
      <ol id="maintainers">
<?php foreach ($busy as $row): ?>
        <li><a href="<?= h(get_user_uri($row["Username"])) ?>"><?= h($row["Username"]) ?></a> (<?= $row["n"] ?>)</li>
<?php endforeach; ?>
      </ol>
</div>
<?php
html_footer();
