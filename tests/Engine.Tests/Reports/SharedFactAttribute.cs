using Xunit;

namespace Faith.Engine.Tests.Reports;

/// <summary>A test that needs a file of <see cref="SharedData"/>: skipped, with the reason, where it is missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SharedFactAttribute : FactAttribute
{
    public SharedFactAttribute(string relative)
    {
        if (SharedData.Find(relative) is null) Skip = $"shared/data/{relative} is not beside the project";
    }
}
