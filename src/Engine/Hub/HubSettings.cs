namespace Faith.Engine.Hub;

/// <summary>Where the hub is and who asks it.</summary>
/// <param name="Endpoint">Its address, without a slash at the end.</param>
/// <param name="Token">Sent to the endpoint's host alone; null for none.</param>
public sealed record HubSettings(Uri Endpoint, string? Token)
{
    private const string PublicHub = "https://huggingface.co";

    /// <summary>Waits before something is tried again.</summary>
    internal Func<TimeSpan, CancellationToken, Task> Pause { get; init; } = Task.Delay;

    /// <summary>Takes a line about a run that goes on.</summary>
    public Action<string> Note { get; init; } = _ => { };

    /// <summary>HF_ENDPOINT, else the public hub, with HF_TOKEN.</summary>
    /// <exception cref="InputException">One of them cannot be used, or HF_HUB_OFFLINE is set.</exception>
    public static HubSettings OfEnvironment() => Of(Environment.GetEnvironmentVariable);

    internal static HubSettings Of(Func<string, string?> variable)
    {
        if (variable("HF_HUB_OFFLINE") is "1" or "true" or "TRUE" or "yes") throw new InputException("HF_HUB_OFFLINE is set, so that nothing is downloaded; unset it");
        var address = variable("HF_ENDPOINT") is { Length: > 0 } given ? given.Trim().TrimEnd('/') : PublicHub;
        if (!Uri.TryCreate(address, UriKind.Absolute, out var endpoint) || endpoint.Scheme is not ("http" or "https") || endpoint.Query.Length > 0 || endpoint.UserInfo.Length > 0)
        {
            throw new InputException($"HF_ENDPOINT is {PlainText.Name(address)}; it must be an address like {PublicHub}");
        }
        var token = variable("HF_TOKEN")?.Trim();
        // What stands there is not shown: it is secret, whatever is wrong with it.
        if (token is { Length: > 0 } && token.Any(c => c is <= ' ' or > '~')) throw new InputException("HF_TOKEN holds characters that no token has");
        return new(endpoint, token is { Length: > 0 } ? token : null);
    }

    /// <summary>The settings without the token.</summary>
    public override string ToString() => Endpoint.ToString();
}
