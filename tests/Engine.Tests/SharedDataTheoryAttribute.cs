using Xunit;

namespace Faith.Engine.Tests;

/// <summary>A theory on real inputs beside the project; skipped where they are not there.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SharedDataTheoryAttribute : TheoryAttribute
{
    public SharedDataTheoryAttribute(string relative)
    {
        if (SharedData.Find(relative) is null) Skip = $"{relative} is not beside the project";
    }
}
