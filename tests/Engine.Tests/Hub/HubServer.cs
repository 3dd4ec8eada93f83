using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Faith.Engine.Tests.Hub;

/// <summary>What was asked for.</summary>
internal sealed record HubRequest(string Method, string Path, IReadOnlyDictionary<string, string> Headers, bool IsStore)
{
    public string? this[string header] => Headers.GetValueOrDefault(header);
}

/// <summary>What is answered. The connection ends after <see cref="CutAfter"/> bytes of the body.</summary>
internal sealed record HubResponse(int Status, byte[] Body, params (string Name, string Value)[] Headers)
{
    public int? CutAfter { get; init; }
    /// <summary>Waits before the body ends.</summary>
    public Task? Until { get; init; }
}

/// <summary>
/// A hub on this machine, with the addresses and headers of the real one: small files come from it, large ones from a second host that it
/// leads to, which stands for the store of large files.
/// </summary>
internal sealed class HubServer : IDisposable
{
    public const string Commit = "0123456789abcdef0123456789abcdef01234567";
    private const int LargeFile = 500;

    private readonly TcpListener hub = new(IPAddress.Loopback, 0), store = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<string, byte[]> stored = new();

    public HubServer()
    {
        foreach (var listener in (TcpListener[])[hub, store])
        {
            listener.Start();
            _ = Accept(listener);
        }
    }

    /// <summary>Files by repository ("org/model", "datasets/org/data") and path.</summary>
    public Dictionary<string, Dictionary<string, byte[]>> Repositories { get; } = [];

    /// <summary>Answers in place of the hub where it gives an answer.</summary>
    public Func<HubRequest, HubResponse?> Instead { get; set; } = _ => null;

    public ConcurrentQueue<HubRequest> Requests { get; } = [];

    public string Endpoint => $"http://127.0.0.1:{PortOf(hub)}";

    public string Store => $"http://127.0.0.1:{PortOf(store)}";

    /// <summary>Requests for the contents of files.</summary>
    public IEnumerable<HubRequest> Contents => Requests.Where(request => request.Method == "GET" && !request.Path.StartsWith("/api/", StringComparison.Ordinal));

    public void Dispose()
    {
        hub.Dispose();
        store.Dispose();
    }

    public static string GitHash(byte[] content) => Convert.ToHexStringLower(SHA1.HashData([.. Encoding.ASCII.GetBytes($"blob {content.Length}\0"), .. content]));

    /// <summary>What the hub would answer.</summary>
    public HubResponse Answer(HubRequest request)
    {
        if (request.IsStore)
        {
            return stored.TryGetValue(request.Path[1..], out var content) ? Ranged(request, content) : new(404, []);
        }
        var path = Uri.UnescapeDataString(request.Path[1..]);
        if (path.StartsWith("api/", StringComparison.Ordinal))
        {
            var name = path["api/".Length..path.IndexOf("/revision/", StringComparison.Ordinal)];
            if (name.StartsWith("models/", StringComparison.Ordinal)) name = name["models/".Length..];
            if (!Repositories.TryGetValue(name, out var listed)) return Missing("RepoNotFound", 401);
            var revision = path[(path.IndexOf("/revision/", StringComparison.Ordinal) + "/revision/".Length)..];
            if (revision is not ("main" or "refs/pr/1" or Commit)) return Missing("RevisionNotFound", 404);
            var siblings = listed.Keys.Select(file => new { rfilename = file }).ToArray();
            return new(200, JsonSerializer.SerializeToUtf8Bytes(new { id = name, sha = Commit, siblings }), ("Content-Type", "application/json"));
        }
        var at = path.IndexOf($"/resolve/{Commit}/", StringComparison.Ordinal);
        if (at < 0 || !Repositories.TryGetValue(path[..at], out var files)) return Missing("RepoNotFound", 401);
        if (!files.TryGetValue(path[(at + $"/resolve/{Commit}/".Length)..], out var file)) return Missing("EntryNotFound", 404);
        if (file.Length < LargeFile) return Ranged(request, file) with { Headers = [("ETag", $"\"{GitHash(file)}\""), ("X-Repo-Commit", Commit), .. Ranged(request, file).Headers] };
        var hash = Convert.ToHexStringLower(SHA256.HashData(file));
        stored[hash] = file;
        return new(302, "Found. Redirecting"u8.ToArray(), ("Location", $"{Store}/{hash}"), ("X-Linked-Etag", $"\"{hash}\""), ("X-Linked-Size", $"{file.Length}"), ("X-Repo-Commit", Commit), ("ETag", "\"other\""));
    }

    private static HubResponse Missing(string code, int status) => new(status, "{}"u8.ToArray(), ("X-Error-Code", code));

    private static HubResponse Ranged(HubRequest request, byte[] content)
    {
        if (request["Range"] is not { } range) return new(200, content, ("Accept-Ranges", "bytes"));
        var from = int.Parse(range["bytes=".Length..].TrimEnd('-'), CultureInfo.InvariantCulture);
        return from >= content.Length ? new(416, [], ("Content-Range", $"bytes */{content.Length}"))
            : new(206, content[from..], ("Content-Range", $"bytes {from}-{content.Length - 1}/{content.Length}"));
    }

    private static int PortOf(TcpListener listener) => ((IPEndPoint)listener.LocalEndpoint).Port;

    private async Task Accept(TcpListener listener)
    {
        try
        {
            while (true) _ = Serve(await listener.AcceptTcpClientAsync(), listener == store);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task Serve(TcpClient client, bool isStore)
    {
        using var _ = client;
        try
        {
            var stream = client.GetStream();
            using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
            if ((await reader.ReadLineAsync())?.Split(' ') is not [var method, var path, ..]) return;
            var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            while (await reader.ReadLineAsync() is { Length: > 0 } line) headers[line[..line.IndexOf(':', StringComparison.Ordinal)]] = line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
            var request = new HubRequest(method, path, headers, isStore);
            Requests.Enqueue(request);
            var response = Instead(request) ?? Answer(request);
            var head = $"HTTP/1.1 {response.Status} Said\r\nConnection: close\r\nContent-Length: {response.Body.Length}\r\n" + string.Concat(response.Headers.Select(header => $"{header.Name}: {header.Value}\r\n"));
            await stream.WriteAsync(Encoding.Latin1.GetBytes(head + "\r\n"));
            if (method == "HEAD") return;
            await stream.WriteAsync(response.Body.AsMemory(0, response.CutAfter ?? response.Body.Length));
            await stream.FlushAsync();
            if (response.Until is { } until) await until;
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            // Whoever asked has gone.
        }
    }
}
