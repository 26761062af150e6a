"""XML, feeds and plain text."""

from case import C, O, R, Ask, Port, pair, sort

sort("html")
XML = "header('Content-Type: application/xml; charset=utf-8');"


def answered(text, kind="application/xml; charset=utf-8"):
    return f"return Response({text!r}, content_type={kind!r})"


def xml(id, row, reason, php, python, **more):
    """Both written by hand."""
    pair(id, row, reason, f"{XML} echo <<<'X'\n{php}\nX;", flask=answered(python), **more)


ITEMS = "[['t' => 'One & two', 'l' => 'https://x/?a=1&b=2'], ['t' => 'Noël <3', 'l' => 'https://x/y']]"
DOM = f"""{XML}
$d = new DOMDocument('1.0', 'UTF-8');
$rss = $d->appendChild($d->createElement('rss')); $rss->setAttribute('version', '2.0');
$channel = $rss->appendChild($d->createElement('channel'));
foreach ({ITEMS} as $i) {{
    $item = $channel->appendChild($d->createElement('item'));
    $item->appendChild($d->createElement('title'))->appendChild($d->createTextNode($i['t']));
    $item->appendChild($d->createElement('link'))->appendChild($d->createTextNode($i['l']));
    $item->appendChild($d->createElement('enclosure'))->setAttribute('url', $i['l']);
}}
echo $d->saveXML();"""
ETREE = """import xml.etree.ElementTree as E
rss = E.Element('rss', version='2.0')
channel = E.SubElement(rss, 'channel')
for t, l in (('One & two', 'https://x/?a=1&b=2'), ('Noël <3', 'https://x/y')):
    item = E.SubElement(channel, 'item')
    E.SubElement(item, 'title').text = t
    E.SubElement(item, 'link').text = l
    E.SubElement(item, 'enclosure', url=l)
return Response(E.tostring(rss, encoding='utf-8', xml_declaration=True), content_type='application/xml; charset=utf-8')"""
GOXML = """type Enclosure struct { URL string `xml:"url,attr"` }
type Item struct { Title string `xml:"title"`; Link string `xml:"link"`; Enclosure Enclosure `xml:"enclosure"` }
type RSS struct { XMLName xml.Name `xml:"rss"`; Version string `xml:"version,attr"`; Items []Item `xml:"channel>item"` }
w.Header().Set("Content-Type", "application/xml; charset=utf-8")
w.Write([]byte(xml.Header))
xml.NewEncoder(w).Encode(RSS{Version: "2.0", Items: []Item{{"One & two", "https://x/?a=1&b=2", Enclosure{"https://x/?a=1&b=2"}}, {"Noël <3", "https://x/y", Enclosure{"https://x/y"}}}})"""
pair("feed", C, "a feed by DOMDocument against ElementTree and encoding/xml", DOM, flask=ETREE, go=GOXML)
pair("feed-item", R, "another title of an item", DOM, flask=ETREE.replace("Noël <3", "Noel <3"), go=GOXML.replace("Noël <3", "Noël"))
pair("feed-link", R, "another link of an enclosure", DOM, flask=ETREE.replace("url=l)", "url=l + '#')"))
pair("feed-item-lost", R, "an item is lost", DOM, flask=ETREE.replace(", ('Noël <3', 'https://x/y')", ","))
pair("feed-declaration", O, "no declaration", DOM, flask=ETREE.replace("encoding='utf-8', xml_declaration=True", "encoding='utf-8', xml_declaration=False"), options={"xml_decl": True},
     go=GOXML.replace("w.Write([]byte(xml.Header))\n", ""))
pair("feed-simplexml", C, "SimpleXML writes numbers of characters", XML + "$x = new SimpleXMLElement('<?xml version=\"1.0\"?><r/>'); $x->addChild('t', 'Noël €'); echo $x->asXML();", flask=answered("<?xml version='1.0'?>\n<r><t>Noël €</t></r>"),
     flask_numbers="import xml.etree.ElementTree as E\nr = E.Element('r')\nE.SubElement(r, 't').text = 'Noël €'\nreturn Response('<?xml version=\"1.0\"?>' + E.tostring(r, encoding='us-ascii').decode().split('?>')[-1].strip(), content_type='application/xml; charset=utf-8')")
xml("xml-empty-element", C, "<b/> and <b />", '<?xml version="1.0" encoding="UTF-8"?><r><b /><c></c></r>', '<?xml version="1.0" encoding="UTF-8"?><r><b/><c/></r>')
xml("xml-declaration-quotes", C, "quotes and case of the declaration", '<?xml version="1.0" encoding="UTF-8"?><r a="1"/>', "<?xml version='1.0' encoding='utf-8'?>\n<r a='1'/>")
xml("xml-references", C, "numbers of characters", '<?xml version="1.0" encoding="UTF-8"?><r a="&#xE9;">&#xE9; &#x27;</r>', '<?xml version="1.0" encoding="UTF-8"?><r a="é">&#233; \'</r>')
xml("xml-cdata", C, "CDATA against escapes", '<?xml version="1.0" encoding="UTF-8"?><r><![CDATA[a < b & c]]></r>', '<?xml version="1.0" encoding="UTF-8"?><r>a &lt; b &amp; c</r>')
xml("xml-indent", C, "indentation between elements", '<?xml version="1.0" encoding="UTF-8"?><r><a>1</a><b>2</b></r>', '<?xml version="1.0" encoding="UTF-8"?>\n<r>\n  <a>1</a>\n  <b>2</b>\n</r>\n')
xml("xml-attributes", C, "attributes in another order", '<?xml version="1.0" encoding="UTF-8"?><r b="2" a="1"/>', '<?xml version="1.0" encoding="UTF-8"?><r a="1" b="2"/>')
xml("xml-comment", C, "a comment", '<?xml version="1.0" encoding="UTF-8"?><r><!-- x --><a/></r>', '<?xml version="1.0" encoding="UTF-8"?><r><a/></r>')
xml("xml-declaration", O, "no declaration", '<?xml version="1.0" encoding="UTF-8"?><r/>', '<r/>', options={"xml_decl": True})
xml("xml-encoding", O, "no encoding in the declaration", '<?xml version="1.0" encoding="UTF-8"?><r/>', '<?xml version="1.0"?><r/>', options={"xml_decl": True})
xml("xml-case", R, "names are told apart by case", '<?xml version="1.0" encoding="UTF-8"?><r><Item>1</Item></r>', '<?xml version="1.0" encoding="UTF-8"?><r><item>1</item></r>')
xml("xml-text", R, "another text", '<?xml version="1.0" encoding="UTF-8"?><r><a>1</a></r>', '<?xml version="1.0" encoding="UTF-8"?><r><a>2</a></r>', at="r > a")
xml("xml-attribute", R, "another attribute", '<?xml version="1.0" encoding="UTF-8"?><r><a x="1"/></r>', '<?xml version="1.0" encoding="UTF-8"?><r><a x="2"/></r>', at="r > a[x]")
xml("xml-element-lost", R, "an element is lost", '<?xml version="1.0" encoding="UTF-8"?><r><a/><b/></r>', '<?xml version="1.0" encoding="UTF-8"?><r><a/></r>', at="r > b")
xml("xml-order", R, "elements in another order", '<?xml version="1.0" encoding="UTF-8"?><r><a>1</a><b>2</b></r>', '<?xml version="1.0" encoding="UTF-8"?><r><b>2</b><a>1</a></r>')
xml("xml-namespace", R, "another namespace", '<?xml version="1.0" encoding="UTF-8"?><r xmlns="http://www.w3.org/2005/Atom"/>', '<?xml version="1.0" encoding="UTF-8"?><r xmlns="http://www.w3.org/1999/xhtml"/>')
xml("xml-double", R, "escaped twice", '<?xml version="1.0" encoding="UTF-8"?><r>a &amp; b</r>', '<?xml version="1.0" encoding="UTF-8"?><r>a &amp;amp; b</r>', at="r")
xml("xml-broken", R, "not well formed", '<?xml version="1.0" encoding="UTF-8"?><r><a>1</a></r>', '<?xml version="1.0" encoding="UTF-8"?><r><a>1</r>')
xml("xml-url", R, "the sitemap leads elsewhere", '<?xml version="1.0" encoding="UTF-8"?><urlset><url><loc>https://site.example/a</loc></url></urlset>', '<?xml version="1.0" encoding="UTF-8"?><urlset><url><loc>http://127.0.0.1:8000/a</loc></url></urlset>', at="urlset > url > loc")

TEXT = "text/plain; charset=utf-8"


def text(id, row, reason, php, python, go=None, **more):
    pair(id, row, reason, f"header('Content-Type: {TEXT}'); echo {php};", flask=answered(python, TEXT),
         go=go and f'w.Header().Set("Content-Type", "{TEXT}")\nfmt.Fprint(w, {go})', **more)


text("text-crlf", C, "CRLF in a text", r'"a\r\nb\r\n"', "a\nb\n", r'"a\nb\n"', rule="text_line_ends")
text("text-final-newline", C, "a last line end", r'"a\nb"', "a\nb\n", r'"a\nb\n"', rule="text_final_newline")
text("text-line", R, "another line", r'"a\nb\n"', "a\nc\n", r'"a\nc\n"')
text("text-space", R, "two spaces between words", '"a  b"', "a b")
text("text-line-added", R, "one more line", r'"User-agent: *\n"', "User-agent: *\nDisallow: /\n", r'"User-agent: *\nDisallow: /\n"')
text("text-none", R, "None in a text", '"user: " . null', "user: None")
text("text-entities", R, "escaped for HTML in a text", '"a & b"', "a &amp; b", '"a &amp; b"')
text("text-csv", R, "fputcsv quotes what the port does not", r'(function () { $f = fopen("php://memory", "w+"); fputcsv($f, ["a b", "c"]); rewind($f); return stream_get_contents($f); })()', "a b,c\n")
text("text-empty", R, "nothing", '"x"', "", '""')
