using Xunit;

namespace Faith.Engine.Tests;

/// <summary>A theory that needs a file or folder of the shared data, and is skipped with a message where it is not there.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SharedDataTheoryAttribute : TheoryAttribute
{
    /// <summary>A theory that needs <paramref name="relative"/>.</summary>
    public SharedDataTheoryAttribute(string relative)
    {
        if (SharedData.Find(relative) is null) Skip = $"../shared/data/{relative} is not there";
    }
}
