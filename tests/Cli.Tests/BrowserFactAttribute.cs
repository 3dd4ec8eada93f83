using Xunit;

namespace Faith.Cli.Tests;

/// <summary>A fact that needs a browser, Chromium or Chrome, and is skipped with the reason where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class BrowserFactAttribute : FactAttribute
{
    internal static readonly string? Browser = ((string[])["chromium", "chromium-browser", "google-chrome"])
        .SelectMany(name => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator), (name, folder) => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    /// <summary>A fact that opens pages.</summary>
    public BrowserFactAttribute()
    {
        if (Browser is null) Skip = "there is no browser (Debian: apt-get install chromium)";
    }
}
