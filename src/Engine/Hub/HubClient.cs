using System.Globalization;
using System.Net;
using System.Net.Http.Headers;

namespace Faith.Engine.Hub;

/// <summary>
/// Asks the hub over HTTP: follows redirects, and sends the token to the hub's own host alone; tries again what may pass, and says in a line what will not.
/// </summary>
internal sealed class HubClient : IDisposable
{
    private const int MostRedirects = 10, MostTries = 6;
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(5), FirstWait = TimeSpan.FromSeconds(1);

    /// <summary>Without a byte for so long, a connection is given up.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(60);

    private readonly HubSettings settings;
    private readonly HttpClient http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, ConnectTimeout = TimeSpan.FromSeconds(20) }) { Timeout = Timeout.InfiniteTimeSpan };

    private bool hasAnswered;

    internal HubClient(HubSettings settings)
    {
        this.settings = settings;
        http.DefaultRequestHeaders.UserAgent.Add(new("faith", null));
    }

    /// <summary>The address of something on the hub.</summary>
    internal Uri Address(string path) => new($"{settings.Endpoint.AbsoluteUri.TrimEnd('/')}/{path}");

    /// <summary>What answers a request: its headers have been read. Redirects within a host are followed, and those to another only if so asked.</summary>
    /// <param name="what">What is asked for, for messages.</param>
    /// <exception cref="InputException">The hub refuses, or cannot be reached.</exception>
    internal async Task<HttpResponseMessage> Send(HttpMethod method, Uri address, string what, bool leaveHost, long? from, CancellationToken cancellation)
    {
        for (var tries = 1; ; tries++)
        {
            TimeSpan wait;
            try
            {
                var response = await Follow(method, address, what, leaveHost, from, cancellation);
                if ((int)response.StatusCode is < 400 or 416) return response;
                using (response)
                {
                    if (!MayPass(response.StatusCode)) throw Refusal(response, what);
                    wait = WaitOf(response) ?? FirstWait * (1 << (tries - 1));
                    if (tries == MostTries || wait > LongestWait) throw Refusal(response, what);
                    if (response.StatusCode == HttpStatusCode.TooManyRequests) settings.Note($"the hub asks to wait {Math.Ceiling(wait.TotalSeconds):0} s");
                }
            }
            catch (Exception e) when (IsCut(e))
            {
                cancellation.ThrowIfCancellationRequested();
                // What has never answered is more likely misspelt than busy.
                if (tries == MostTries || !hasAnswered) throw Unreachable(address, e);
                wait = FirstWait * (1 << (tries - 1));
            }
            await settings.Pause(wait, cancellation);
        }
    }

    /// <summary>What is at an address of the hub, whole.</summary>
    /// <param name="most">More bytes than that are refused.</param>
    /// <param name="leaveHost">Whether redirects to another host are followed.</param>
    /// <exception cref="InputException">The hub refuses, cannot be reached, or answers with more.</exception>
    internal async Task<byte[]> Read(Uri address, string what, int most, bool leaveHost, CancellationToken cancellation)
    {
        var buffer = new byte[1 << 16];
        for (var tries = 1; ; tries++)
        {
            using var response = await Send(HttpMethod.Get, address, what, leaveHost, null, cancellation);
            using var bytes = new MemoryStream();
            try
            {
                await using var content = await response.Content.ReadAsStreamAsync(cancellation);
                while (await Read(content, buffer, cancellation) is > 0 and var count)
                {
                    bytes.Write(buffer, 0, count);
                    if (bytes.Length > most) throw new InputException($"{what}: the hub's answer has more than {most} bytes");
                }
                return bytes.ToArray();
            }
            catch (Exception e) when (IsCut(e))
            {
                cancellation.ThrowIfCancellationRequested();
                if (tries == MostTries) throw Unreachable(address, e);
            }
            await settings.Pause(FirstWait * (1 << (tries - 1)), cancellation);
        }
    }

    /// <summary>The next bytes of an answer, waited for as long as a connection may be silent.</summary>
    internal static async Task<int> Read(Stream content, Memory<byte> buffer, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Silence);
        return await content.ReadAsync(buffer, limit.Token);
    }

    /// <summary>Whether a connection failed in a way that another may not.</summary>
    internal static bool IsCut(Exception e) => e is HttpRequestException or HttpIOException or IOException or OperationCanceledException;

    /// <summary>The error for a host that does not answer.</summary>
    internal static InputException Unreachable(Uri address, Exception e) =>
        new($"{address.GetLeftPart(UriPartial.Authority)}: cannot be reached ({PlainText.Short(e is OperationCanceledException ? "no answer" : e.Message, 200)}); the same command goes on where it was", e);

    private async Task<HttpResponseMessage> Follow(HttpMethod method, Uri address, string what, bool leaveHost, long? from, CancellationToken cancellation)
    {
        for (var redirects = 0; redirects <= MostRedirects; redirects++)
        {
            using var request = new HttpRequestMessage(method, address);
            if (settings.Token is { } token && IsHub(address)) request.Headers.Authorization = new("Bearer", token);
            if (from is { } first) request.Headers.Range = new RangeHeaderValue(first, null);
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            limit.CancelAfter(Silence);
            var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            hasAnswered = true;
            if ((int)response.StatusCode is < 300 or >= 400 || response.Headers.Location is not { } location) return response;
            var next = new Uri(address, location);
            var leaves = !SameHost(address, next);
            if (leaves && !leaveHost) return response;
            response.Dispose();
            if (next.Scheme is not ("http" or "https") || (address.Scheme == "https" && next.Scheme == "http"))
            {
                throw new InputException($"{what}: the hub leads to {PlainText.Name(next.GetLeftPart(UriPartial.Authority))}, which is not a safe address");
            }
            address = next;
        }
        throw new InputException($"{what}: the hub leads from one address to the next more than {MostRedirects} times");
    }

    private bool IsHub(Uri address) => SameHost(address, settings.Endpoint);

    private static bool SameHost(Uri left, Uri right) =>
        left.Scheme == right.Scheme && left.Port == right.Port && left.IdnHost.Equals(right.IdnHost, StringComparison.OrdinalIgnoreCase);

    private static bool MayPass(HttpStatusCode status) => status is HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout
        or HttpStatusCode.InternalServerError or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout;

    private static TimeSpan? WaitOf(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => TimeSpan.FromTicks(Math.Max(0, (date - DateTimeOffset.UtcNow).Ticks)),
        _ => null,
    };

    private InputException Refusal(HttpResponseMessage response, string what)
    {
        var status = (int)response.StatusCode;
        var code = response.Headers.TryGetValues("X-Error-Code", out var codes) ? codes.First() : "";
        var account = settings.Token is null ? "set HF_TOKEN to a token of an account that has access" : "the account of the token in HF_TOKEN has no access";
        return new($"{what}: " + (status, code) switch
        {
            (_, "GatedRepo") => $"is gated: accept its conditions on its page at {settings.Endpoint.AbsoluteUri.TrimEnd('/')}; {account}",
            (404, "RevisionNotFound") => "the repository has no such revision",
            (404, "EntryNotFound") => "the repository has no such file",
            (401 or 403, _) => $"the hub refuses it ({status}): there is no such repository, or it is gated or private; {account}",
            (404, _) => "there is no such repository on the hub, or no such revision of it",
            (429, _) => $"the hub allows no more requests for now (429); run again {(WaitOf(response) is { } wait ? string.Create(CultureInfo.InvariantCulture, $"in {Math.Ceiling(wait.TotalSeconds):0} s") : "later")}",
            _ => $"the hub answers {status}{(response.ReasonPhrase is { Length: > 0 } reason ? $" ({PlainText.Short(reason)})" : "")}; run again later",
        });
    }

    /// <inheritdoc/>
    public void Dispose() => http.Dispose();
}
