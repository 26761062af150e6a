    </div>
    <!-- End of main content -->
    <div id="footer">
      <p>
        Packages are user-produced content.<br />
        Any use of the provided files is at your own risk.
      </p>
      <p class="generated">Page generated <?= gmdate("Y-m-d H:i:s") ?> UTC</p>
    </div>
    <!-- served in <?= sprintf("%.4f", microtime(true) - $PAGE_STARTED) ?> s by <?= getmypid() ?> -->
  </body>
</html>
