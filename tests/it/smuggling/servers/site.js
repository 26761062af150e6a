// Writes down each request that it reads: method, path and the length of the body, a line each.
//
//     node [--insecure-http-parser] site.js PORT LOG
const fs = require("fs");
const http = require("http");

const [port, log] = process.argv.slice(2);

http
  .createServer({ keepAliveTimeout: 60000 }, (request, response) => {
    let length = 0;
    request.on("data", (piece) => (length += piece.length));
    request.on("end", () => {
      const path = request.url.split("?")[0];
      fs.appendFileSync(log, `${request.method} ${path} ${length}\n`, "latin1");
      response.end(path);
    });
  })
  .listen(Number(port), "127.0.0.1");
