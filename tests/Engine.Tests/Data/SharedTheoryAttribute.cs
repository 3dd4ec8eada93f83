using Xunit;

namespace Faith.Engine.Tests.Data;

/// <summary>A theory on real inputs beside the project; skipped where they are not there.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SharedTheoryAttribute : TheoryAttribute
{
    public SharedTheoryAttribute(string relative)
    {
        if (SharedData.Find(relative) is null) Skip = $"shared/data/{relative} is not beside the project";
    }
}
