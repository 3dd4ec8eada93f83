using PuppeteerSharp;
using PuppeteerSharp.Media;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>How a report looks in a real browser: by day and by night, on a telephone and on paper.</summary>
public sealed class ReportScreenTests : SweepTest
{
    // The share of the picture's brightness, and how many colours it has.
    private const string Look = """
        async bytes => {
          const image = new Image();
          image.src = `data:image/png;base64,${bytes}`;
          await image.decode();
          const canvas = document.createElement('canvas');
          [canvas.width, canvas.height] = [image.width, image.height];
          const context = canvas.getContext('2d');
          context.drawImage(image, 0, 0);
          const { data } = context.getImageData(0, 0, image.width, image.height), colours = new Set();
          let sum = 0;
          for (let i = 0; i < data.length; i += 4) { sum += data[i] + data[i + 1] + data[i + 2]; colours.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]); }
          return { width: image.width, brightness: sum / (data.length / 4 * 3 * 255), colours: colours.size };
        }
        """;

    // The least contrast of text and what is behind it, as WCAG 2 defines it, over everything that holds text.
    private const string LeastContrast = """
        () => {
          const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
          const parts = colour => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255]; };
          const over = ([r, g, b, a], back) => [r, g, b].map((c, i) => c * a + back[i] * (1 - a));
          const behind = e => e === null ? [255, 255, 255] : over(parts(getComputedStyle(e).backgroundColor), behind(e.parentElement));
          const light = rgb => rgb.map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
          let least = { ratio: 99, text: '' };
          for (const e of document.querySelectorAll('body *')) {
            const text = [...e.childNodes].filter(n => n.nodeType === 3).map(n => n.textContent.trim()).join('');
            if (text === '' || e.closest('script, style, noscript, title, select, [hidden]') || e.getClientRects().length === 0) continue;
            const style = getComputedStyle(e), back = behind(e instanceof SVGElement ? e.closest('svg').parentElement : e), [a, b] = [light(over(parts(e instanceof SVGElement ? style.fill : style.color), back)), light(back)];
            const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            if (ratio < least.ratio) least = { ratio, text: `${e.tagName}.${e.getAttribute('class')}: ${text.slice(0, 40)}` };
          }
          return least;
        }
        """;

    // A busy machine takes long to start a browser.
    private const int LongestAnswer = 600_000;

    private sealed record Picture(int Width, double Brightness, int Colours);

    private sealed record Contrast(double Ratio, string Text);

    [BrowserFact]
    public async Task A_report_is_fit_for_day_and_night_telephones_and_paper()
    {
        Done("attribute", "--model", "tasks-4l", "--data", "ioi", "--examples", "6", "--method", "eap", "--out", At("s.json"));
        Done("stability", "--model", "tasks-4l", "--data", "ioi", "--examples", "6", "--method", "eap", "--edges", "30,200", "--resamples", "30", "--random", "0", "--shuffles", "0", "--json", At("i.json"));
        Done("curve", "--model", "tasks-4l", "--data", "ioi", "--examples", "6", "--scores", At("s.json"), "--edges", "20,30,200", "--out", At("c.csv"));
        Done("report", At("s.json"), At("c.csv"), At("i.json"), "--out", At("report.html"));
        var profile = Directory.CreateTempSubdirectory("faith-browser-");
        await using var browser = await Puppeteer.LaunchAsync(new LaunchOptions
        {
            ExecutablePath = BrowserFactAttribute.Browser, UserDataDir = profile.FullName, Timeout = LongestAnswer, ProtocolTimeout = LongestAnswer, Args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        });
        // The last page is in front: one in the background is given no frames.
        await using var blank = await browser.NewPageAsync();
        await using var page = await browser.NewPageAsync();
        var faults = new List<string>();
        page.PageError += (_, e) => faults.Add(e.Message);
        page.Console += (_, e) => faults.Add(e.Message.Text);
        await page.GoToAsync(new Uri(At("report.html")).AbsoluteUri);

        foreach (var (scheme, least, most) in ((string, double, double)[])[("light", 0.8, 1), ("dark", 0, 0.25)])
        {
            await page.EmulateMediaFeaturesAsync([new MediaFeatureValue { MediaFeature = MediaFeature.PrefersColorScheme, Value = scheme }]);
            foreach (var width in (int[])[1400, 400])
            {
                await page.SetViewportAsync(new ViewPortOptions { Width = width, Height = 900 });
                Assert.Equal(width, await page.EvaluateExpressionAsync<int>("innerWidth"));
                var wide = await page.EvaluateExpressionAsync<int>("document.documentElement.scrollWidth");
                Assert.True(wide <= width, $"the page is {wide} wide on a screen of {width}");
                var picture = await blank.EvaluateFunctionAsync<Picture>(Look, Convert.ToBase64String(await page.ScreenshotDataAsync(new ScreenshotOptions { FullPage = true })));
                Assert.Equal(width, picture.Width);
                Assert.InRange(picture.Brightness, least, most);
                Assert.True(picture.Colours > 50, $"{picture.Colours} colours");
                var contrast = await page.EvaluateFunctionAsync<Contrast>(LeastContrast);
                Assert.True(contrast.Ratio >= 4.5, $"{scheme}, {width}: {contrast}");
            }
        }

        // How often resamples select an edge stands beside it, of the size that is nearest to the slider's.
        await page.EvaluateExpressionAsync("document.querySelector('#size').value = String(state.sizes.indexOf(30)), document.querySelector('#size').dispatchEvent(new Event('input'))");
        await page.WaitForFunctionAsync("() => document.querySelector('#edge-count').textContent.includes('select the edge among 30')", new WaitForFunctionOptions { Timeout = LongestAnswer });
        var shown = await page.EvaluateExpressionAsync<string[][]>("[...document.querySelectorAll('#edges tbody tr')].map(r => [r.children[0].textContent, r.children[5].textContent])");
        using var study = System.Text.Json.JsonDocument.Parse(await File.ReadAllTextAsync(At("i.json")));
        var shares = study.RootElement.GetProperty("edges").EnumerateArray().ToDictionary(e => e.GetProperty("edge").GetString()!, e => Math.Round(100 * e.GetProperty("selected").GetProperty("30").GetDouble()));
        Assert.Equal(25, shown.Length);
        Assert.All(shown, row => Assert.Equal(FormattableString.Invariant($"{shares[row[0]]}%"), row[1]));

        // Paper is white at night too, and has neither buttons nor what stands still while one scrolls.
        await page.EmulateMediaTypeAsync(MediaType.Print);
        Assert.Equal(["static", "none", "rgb(255, 255, 255)"], await page.EvaluateExpressionAsync<string[]>(
            "[getComputedStyle(document.querySelector('header')).position, getComputedStyle(document.querySelector('.filters')).display, getComputedStyle(document.documentElement).backgroundColor]"));
        var onPaper = await page.EvaluateFunctionAsync<Contrast>(LeastContrast);
        Assert.True(onPaper.Ratio >= 4.5, $"{onPaper}");
        var paper = await page.PdfDataAsync(new PdfOptions { Format = PaperFormat.A4 });
        Assert.Equal("%PDF-"u8.ToArray(), paper[..5]);
        // Records are opened for it.
        Assert.True(await page.EvaluateExpressionAsync<bool>("[...document.querySelectorAll('details')].every(d => d.open)"));
        Assert.Empty(faults);
        await browser.CloseAsync();
        try
        {
            profile.Delete(recursive: true);
        }
        catch (IOException)
        {
            // Left to the system's own cleaning.
        }
    }
}
