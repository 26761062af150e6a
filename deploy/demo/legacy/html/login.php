<?php
include_once("acctfuncs.inc.php");

$referer = safe_referer(in_get("referer"));
$login_error = "";

if ($_SERVER["REQUEST_METHOD"] == "POST") {
	$referer = safe_referer(in_post("referer"));
	if (!check_token()) {
		$login_error = "The form was stale, please try again.";
	} else {
		$uid = try_login(in_post("user"), in_post("passwd"));
		if ($uid !== null) {
			/* A new identifier: nobody who planted the old one gets in. */
			delete_session(current_session()["SessionID"]);
			new_session($uid);
			redirect($referer);
		}
		$login_error = "Bad username or password.";
	}
} else if (uid_from_sid() !== null) {
	redirect("/account");
}

$session = current_session();
$sid = $session === null ? new_session(null) : $session["SessionID"];

html_header("Login");
?>
<div id="dev-login" class="box">
      <h2>Login</h2>
<?php if ($login_error !== ""): ?>
      <ul class="errorlist"><li><?= h($login_error) ?></li></ul>
<?php endif; ?>
      <form method="post" action="/login">
        <fieldset>
          <legend>Enter login credentials</legend>
          <p><label for="id_username">User name:</label> <input id="id_username" type="text" name="user" size="30" maxlength="64" value="<?= h(in_post("user")) ?>" autofocus="autofocus" /></p>
          <p><label for="id_password">Password:</label> <input id="id_password" type="password" name="passwd" size="30" /></p>
          <p>
            <input type="hidden" name="referer" value="<?= h($referer) ?>" />
            <input type="hidden" name="token" value="<?= h(csrf_token($sid)) ?>" />
            <input type="submit" class="button" value="Login" />
          </p>
        </fieldset>
      </form>
</div>
<?php
html_footer();
