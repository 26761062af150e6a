// The port in Go: net/http, encoding/json, html/template.
package main

import (
	"log"
	"net/http"
	"os"
	// @imports@
)

type M map[string]any
type L []any

func asJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(value); err != nil {
		log.Print(err)
	}
}

const layout = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{{ .Title }}</title>
</head>
<body>
{{ template "body" .Body }}
</body>
</html>
`

func page(w http.ResponseWriter, title, body string, value any) {
	t := template.Must(template.New("layout").Parse(layout))
	template.Must(t.New("body").Parse(body))
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := t.ExecuteTemplate(w, "layout", M{"Title": title, "Body": value}); err != nil {
		log.Print(err)
	}
}

func main() {
	// @handlers@
	log.Fatal(http.ListenAndServe(os.Args[1], nil))
}
