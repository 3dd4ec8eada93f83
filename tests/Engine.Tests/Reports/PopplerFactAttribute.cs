using Xunit;

namespace Faith.Engine.Tests.Reports;

/// <summary>A fact that needs the programs of Poppler, and is skipped with the reason where they are not there.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PopplerFactAttribute : FactAttribute
{
    /// <summary>A fact of what another program makes of our files.</summary>
    public PopplerFactAttribute()
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        foreach (var program in (string[])["pdftotext", "pdftoppm", "pdfinfo", "pdffonts"])
            if (!folders.Any(folder => File.Exists(Path.Combine(folder, program)))) Skip = $"there is no {program} (Debian: apt-get install poppler-utils)";
    }
}
