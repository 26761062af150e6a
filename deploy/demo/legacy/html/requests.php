<?php
include_once("pkgfuncs.inc.php");

$requests = DB::rows("SELECT PackageRequests.*, Users.Username FROM PackageRequests JOIN Users ON Users.ID = PackageRequests.UsersID " .
	"ORDER BY PackageRequests.Status = 'pending' DESC, PackageRequests.RequestTS DESC LIMIT 50");

html_header("Requests");
?>
<div id="pkglist-results" class="box">
      <h2>Requests</h2>
      <table class="results">
        <tr><th>Package</th><th>Request Type</th><th>Comments</th><th>Filed by</th><th>Date</th><th>Status</th></tr>
<?php foreach ($requests as $row): ?>
        <tr>
          <td><?= h($row["PackageBaseName"]) ?></td>
          <td><?= h(ucfirst($row["ReqType"])) ?></td>
          <td class="wrap"><?= h($row["Comments"]) ?></td>
          <td><a href="<?= h(get_user_uri($row["Username"])) ?>"><?= h($row["Username"]) ?></a></td>
          <td><?= date_display($row["RequestTS"]) ?></td>
          <td><?= h(ucfirst($row["Status"])) ?></td>
        </tr>
<?php endforeach; ?>
      </table>
</div>
<?php
html_footer();
