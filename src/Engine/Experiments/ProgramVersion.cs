using System.Reflection;

namespace Faith.Engine.Experiments;

/// <summary>The version that reports name.</summary>
public static class ProgramVersion
{
    /// <summary>Version, and the commit it was built from where that is known.</summary>
    public static string Text { get; } = typeof(ProgramVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";
}
