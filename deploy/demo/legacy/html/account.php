<?php
include_once("acctfuncs.inc.php");
include_once("pkgfuncs.inc.php");

if (isset($_GET["username"]) && $path != "/account") {
	$user = user_by_name($_GET["username"]);
	if ($user === null) {
		not_found();
	}
} else {
	if (uid_from_sid() === null) {
		header("X-Frame-Options: DENY");
		redirect("/login?referer=" . urlencode("/account"));
	}
	$user = user_by_id(uid_from_sid());
}
$own = $user["ID"] == uid_from_sid();
$packages = pkgs_of_maintainer($user["ID"]);

html_header("Account " . $user["Username"]);
?>
<div id="account" class="box">
      <h2>Accounts</h2>
      <table id="account-details" class="arch-bio-entry">
        <tr><th>Username:</th><td id="username"><?= h($user["Username"]) ?></td></tr>
        <tr><th>Real Name:</th><td id="realname"><?= h($user["RealName"]) ?></td></tr>
        <tr><th>Email Address:</th><td id="email"><?php if ($user["HideEmail"] && !$own): ?><em>hidden</em><?php else: ?><a href="mailto:<?= h($user["Email"]) ?>"><?= h($user["Email"]) ?></a><?php endif; ?></td></tr>
        <tr><th>Homepage:</th><td id="homepage"><?php if ($user["Homepage"] !== ""): ?><a rel="nofollow" href="<?= h($user["Homepage"]) ?>"><?= h($user["Homepage"]) ?></a><?php endif; ?></td></tr>
        <tr><th>Registration date:</th><td id="registered"><?= gmdate("Y-m-d", $user["RegistrationTS"]) ?></td></tr>
      </table>
<?php if ($own): ?>
      <p class="own">This is how others see you, and your address even if it is hidden.<br />Votes are counted once a night.</p>
<?php endif; ?>
      <h3>Packages (<?= count($packages) ?>)</h3>
      <ul id="maintained">
<?php foreach ($packages as $row): ?>
        <li><a href="<?= h(get_pkg_uri($row["Name"])) ?>"><?= h($row["Name"]) ?></a>: <?= h($row["Description"]) ?></li>
<?php endforeach; ?>
      </ul>
</div>
<?php
html_footer();
