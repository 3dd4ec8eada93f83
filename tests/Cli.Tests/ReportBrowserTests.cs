using System.Diagnostics;
using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>Reports in a real browser: what is shown is what the program computed, and mouse, keyboard, slider, filter and sorting work.</summary>
public sealed partial class ReportBrowserTests : SweepTest
{
    private static readonly TimeSpan LongestVisit = TimeSpan.FromMinutes(2);

    // What a test does in the page, around its own steps: errors are kept, frames come at once (the browser dumps the page as soon as it is idle), and
    // the result is left in the page as JSON.
    private const string Before = "<script>const errors = []; window.requestAnimationFrame = f => { f(); return 0; }; addEventListener('error', e => errors.push(String(e.message))); addEventListener('securitypolicyviolation', e => errors.push(e.violatedDirective));</script>";

    private const string Driver = """
        <script>
        const one = s => document.querySelector(s), all = s => [...document.querySelectorAll(s)];
        const slide = n => { one('#size').value = String(state.sizes.indexOf(n)); one('#size').dispatchEvent(new Event('input')); };
        const column = i => all('#edges tbody tr').map(r => r.children[i].textContent);
        const result = {}, out = document.createElement('pre');
        try { steps(result); } catch (e) { errors.push(String(e.stack)); }
        result.errors = errors;
        out.id = 'result';
        out.textContent = JSON.stringify(result);
        document.body.append(out);
        </script>
        """;

    [BrowserFact]
    public void A_sweep_is_shown_as_it_was_computed()
    {
        const string evil = "<script>document.title='evil'<!--.jsonl";
        Done("tasks", "export", "ioi", "--examples", "6", "--out", At("d.jsonl"));
        File.Move(At("d.jsonl"), At(evil));
        var folder = Plan($"models: tasks-4l\ndata: [sva, \"{evil}\"]\nexamples: 6\nmethods: [eap, eap-ig]\nselections: [top, greedy, stable, {{select: top, signed: true}}, {{select: ratio, negative: 0.3}}]\nedges: [30, 200, 700]\n", "sweep");
        Done("sweep", "run", folder);
        Done("sweep", "merge", folder, "--out", At("r.csv"), "--report", At("report.html"));
        var result = Open("report.html", """
            result.scripts = document.scripts.length;
            result.captions = all('figcaption').map(c => c.textContent);
            result.sizes = [];
            for (const run of data.runs) {
              choose(run);
              const circuits = [];
              for (const p of run.curve) {
                slide(p.selected);
                circuits.push([p.edges, +one('#shown').textContent.match(/, ([\d,]+) after/)[1].replace(/,/g, ''), all('#heat td button').length]);
              }
              result.sizes.push(circuits);
            }
            one('#run').value = '0';
            one('#run').dispatchEvent(new Event('change'));
            slide(200);
            const marks = all('.mark').map(m => m.getAttribute('x1'));
            slide(700);
            result.moved = all('.mark').every((m, i) => m.getAttribute('x1') !== marks[i]);
            result.best = column(0)[0];
            one('#edges th:nth-child(1) button').click();
            result.sorted = column(0);
            one('#edges th:nth-child(1) button').click();
            result.reversed = column(0);
            result.ariaSort = one('#edges th').getAttribute('aria-sort');
            const button = all('#heat td button').filter(b => b.textContent !== '·').at(-2);
            result.held = button.dataset.node;
            button.click();
            result.heldEdges = column(0);
            result.faint = all('#circuit .faint').length;
            one('#heat .held').click();
            one('#circuit [data-node="logits"]').dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }));
            result.keyed = column(0);
            one('#filter').value = '<q>';
            one('#filter').dispatchEvent(new Event('input'));
            one('#inside').click();
            result.filtered = column(0);
            result.count = one('#edge-count').textContent;
            one('#more-edges').click();
            result.more = column(0).length;
            result.kept = all('#examples tbody tr').map(r => r.children[0].textContent);
            all('.curve')[1].dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }));
            result.chosen = one('#run').value;
            result.matrix = all('#tasks td').map(c => c.textContent);
            result.methods = all('#methods tbody tr').map(r => [...r.children].map(c => c.textContent));
            result.records = one('#records').textContent;
            result.bands = all('.band').length;
            result.text = document.body.innerText;
            """);
        Assert.Equal(2, Property(result, "captions").GetArrayLength());
        Assert.Equal(evil, Property(result, "captions")[1].GetString());
        // The data, the page's script, and those of the test: nothing of the file's name.
        Assert.Equal(5, Property(result, "scripts").GetInt32());
        var cells = Property(result, "sizes").EnumerateArray().ToArray();
        Assert.Equal(20, cells.Length);
        Assert.All(cells, cell => Assert.All(cell.EnumerateArray(), size =>
        {
            Assert.Equal(size[0].GetInt32(), size[1].GetInt32());
            Assert.Equal(4 * 9 + 1, size[2].GetInt32());
        }));
        Assert.True(Property(result, "moved").GetBoolean());
        var sorted = Texts(result, "sorted");
        Assert.Equal(25, sorted.Length);
        Assert.StartsWith("a0.h0->", sorted[0], StringComparison.Ordinal);
        Assert.StartsWith("m3->", Texts(result, "reversed")[0], StringComparison.Ordinal);
        Assert.Equal("descending", Property(result, "ariaSort").GetString());
        var held = Property(result, "held").GetString()!;
        Assert.NotEmpty(Texts(result, "heldEdges"));
        Assert.All(Texts(result, "heldEdges"), name => Assert.True(name.StartsWith($"{held}->", StringComparison.Ordinal) || name.Contains($"->{held}", StringComparison.Ordinal), name));
        Assert.True(Property(result, "faint").GetInt32() > 0);
        Assert.All(Texts(result, "keyed"), name => Assert.EndsWith("->logits", name, StringComparison.Ordinal));
        Assert.All(Texts(result, "filtered"), name => Assert.EndsWith("<q>", name, StringComparison.Ordinal));
        // Every query of 4 layers of 8 heads: 8 · (1 + 10 + 19 + 28) edges.
        Assert.Equal("464 edges", Property(result, "count").GetString());
        Assert.Equal(50, Property(result, "more").GetInt32());
        var kept = Texts(result, "kept").Select(t => double.Parse(t, System.Globalization.CultureInfo.InvariantCulture)).ToArray();
        Assert.Equal(6, kept.Length);
        Assert.Equal(kept.Order(), kept);
        Assert.Equal("1", Property(result, "chosen").GetString());
        var matrix = Texts(result, "matrix");
        Assert.Equal(["1.00", "1.00"], (string[])[matrix[0], matrix[3]]);
        Assert.Equal(matrix[1], matrix[2]);
        Assert.Equal(10, Property(result, "methods").GetArrayLength());
        Assert.Contains("model_hash", Property(result, "records").GetString(), StringComparison.Ordinal);
        Assert.Equal(20, Property(result, "bands").GetInt32());
        Assert.Contains(evil, Property(result, "text").GetString(), StringComparison.Ordinal);
    }

    [BrowserFact]
    public void A_demo_and_files_are_shown_on_wide_and_narrow_screens()
    {
        Done("demo", "--examples", "5", "--out", At("demo"));
        foreach (var width in (int[])[1400, 500])
        {
            var result = Open("demo/report.html", """
                result.legend = all('#legend span').map(s => s.textContent);
                result.shown = one('#shown').textContent;
                result.prompt = all('#examples td.wide')[0].textContent;
                result.overflow = document.documentElement.scrollWidth - innerWidth;
                result.width = innerWidth;
                """, width);
            Assert.Equal(["EAP-IG", "EAP", "random"], Texts(result, "legend"));
            Assert.Matches(@"^[\d,]+, [\d,]+ after pruning, faithfulness \d\.\d\d$", Property(result, "shown").GetString());
            Assert.StartsWith("<|endoftext|>", Property(result, "prompt").GetString(), StringComparison.Ordinal);
            Assert.True(Property(result, "overflow").GetInt32() <= 0, $"the page is wider than {Property(result, "width")}");
        }
        // The circuit of a file is shown as it is, until the slider is moved.
        Done("report", At("demo/scores.json"), "--out", At("file.html"));
        var file = Open("file.html", """
            result.shown = one('#shown').textContent;
            result.edges = one('#edge-count').textContent;
            slide(state.sizes.at(-1));
            result.slid = one('#shown').textContent;
            """);
        Assert.EndsWith("edges, as selected in the file", Property(file, "shown").GetString(), StringComparison.Ordinal);
        Assert.StartsWith(Property(file, "edges").GetString()!, Property(file, "shown").GetString(), StringComparison.Ordinal);
        Assert.StartsWith("1,519, 1,519 after pruning", Property(file, "slid").GetString(), StringComparison.Ordinal);
    }

    [BrowserFact]
    public void A_matrix_is_shown_as_it_is_printed()
    {
        var printed = Done("matrix", "--model", "tasks-4l", "--tasks", "ioi,sva", "--examples", "4", "--edges", "150", "--report", At("m.html"));
        var result = Open("m.html", "result.first = all('#tasks table')[0].innerText; result.shown = one('#shown').textContent; result.cells = [...all('#tasks table')[0].querySelectorAll('td')].map(c => c.textContent);");
        var rows = printed.Split('\n').Where(line => line.StartsWith("| ioi |", StringComparison.Ordinal) || line.StartsWith("| sva |", StringComparison.Ordinal)).Take(2).ToArray();
        Assert.Equal(rows.SelectMany(row => row.Trim('|', ' ').Split(" | ")[2..]), Texts(result, "cells"));
        Assert.Contains($", {rows[0].Split(" | ")[1]} after pruning", Property(result, "shown").GetString(), StringComparison.Ordinal);
    }

    private static JsonElement Property(JsonElement json, string name) => json.GetProperty(name);

    private static string[] Texts(JsonElement json, string name) => [.. json.GetProperty(name).EnumerateArray().Select(e => e.GetString()!)];

    /// <summary>Opens a page, does something in it, and returns what that left in `result`.</summary>
    private JsonElement Open(string name, string steps, int width = 1400)
    {
        var page = File.ReadAllText(At(name));
        Assert.DoesNotContain("http://", Namespaces().Replace(page, ""), StringComparison.Ordinal);
        Assert.DoesNotContain("https://", page, StringComparison.Ordinal);
        page = page.Replace("<title>", $"{Before}<title>", StringComparison.Ordinal).Replace("</body>", $"<script>function steps(result) {{\n{steps}\n}}</script>{Driver}</body>", StringComparison.Ordinal);
        // Outside this test's folder: the browser's helpers may write there a moment longer than it lives.
        var profile = Directory.CreateTempSubdirectory("faith-browser-");
        var start = new ProcessStartInfo(BrowserFactAttribute.Browser!, ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", $"--user-data-dir={profile.FullName}", $"--window-size={width},900",
            "--dump-dom", new Uri(Write("driven.html", page)).AbsoluteUri]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var browser = Process.Start(start)!;
        using var hung = new Timer(_ => browser.Kill(entireProcessTree: true), null, LongestVisit, Timeout.InfiniteTimeSpan);
        var (_, dom, error) = Wait(browser);
        try
        {
            profile.Delete(recursive: true);
        }
        catch (IOException)
        {
            // Left to the system's own cleaning.
        }
        var found = Result().Match(dom);
        Assert.True(found.Success, error);
        var result = JsonDocument.Parse(WebUtility.HtmlDecode(found.Groups[1].Value)).RootElement;
        Assert.Empty(Texts(result, "errors"));
        return result;
    }

    [GeneratedRegex(@"http://www\.w3\.org/\S+?'")]
    private static partial Regex Namespaces();

    [GeneratedRegex("<pre id=\"result\">(.*?)</pre>", RegexOptions.Singleline)]
    private static partial Regex Result();
}
