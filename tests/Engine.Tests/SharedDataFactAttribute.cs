using Xunit;

namespace Faith.Engine.Tests;

/// <summary>A test that needs a file or folder of the shared data, and is skipped with a message where it is not there.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SharedDataFactAttribute : FactAttribute
{
    /// <summary>A test that needs <paramref name="relative"/>.</summary>
    public SharedDataFactAttribute(string relative)
    {
        if (SharedData.Find(relative) is null) Skip = $"../shared/data/{relative} is not there";
    }
}
