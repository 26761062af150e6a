<?php
include_once("pkgfuncs.inc.php");

$counts = array(
	"Packages" => "SELECT COUNT(*) AS n FROM Packages",
	"Orphan Packages" => "SELECT COUNT(*) AS n FROM PackageBases WHERE MaintainerUID IS NULL",
	"Registered Users" => "SELECT COUNT(*) AS n FROM Users",
);
$params = search_params();

html_header();
?>
<div id="intro" class="box">
      <h2><?= h(SITE_NAME) ?></h2>
      <p>Welcome! Please read the user guidelines before you <em>vote</em>, <em>submit</em> or <em>adopt</em>.</p>
<?php include("search_form.php"); ?>
</div>
<div id="pkg-updates" class="widget box">
      <h3>Recent Updates <a href="/rss/" class="rss-icon" title="Newest Packages">RSS</a></h3>
      <table>
<?php foreach (latest_pkgs(LATEST_ON_HOME) as $row): ?>
        <tr>
          <td class="pkg-name"><a href="<?= h(get_pkg_uri($row["Name"])) ?>"><?= h($row["Name"]) ?></a> <?= h($row["Version"]) ?></td>
          <td class="pkg-date"><?= date_display($row["ModifiedTS"]) ?></td>
        </tr>
<?php endforeach; ?>
      </table>
</div>
<div id="pkg-stats" class="widget box">
      <table>
        <tr><th colspan="2">Statistics</th></tr>
<?php foreach ($counts as $text => $query): ?>
        <tr><td><?= $text ?></td><td><?= DB::row($query)["n"] ?></td></tr>
<?php endforeach; ?>
      </table>
</div>
<?php
html_footer();
