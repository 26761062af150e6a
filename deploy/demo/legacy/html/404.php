<?php
html_header("Page Not Found");
?>
<div id="error-page" class="box 404">
      <h2>404 - Page Not Found</h2>
      <p>Sorry, the page you've requested does not exist.</p>
</div>
<?php
html_footer();
