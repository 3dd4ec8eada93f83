using Xunit;

namespace Faith.Engine.Tests;

/// <summary>A test that gives files to other users, which only the superuser may; elsewhere it is skipped with that reason.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RootFactAttribute : FactAttribute
{
    /// <summary>A test that needs the superuser's rights.</summary>
    public RootFactAttribute()
    {
        if (!Environment.IsPrivilegedProcess) Skip = "only the superuser may give a file to another user";
    }
}
