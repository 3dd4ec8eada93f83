using System.Reflection;
using Xunit.Sdk;

namespace Faith.Engine.Tests;

/// <summary>One row of a theory that needs a file or folder of the shared data, its first argument: the row is skipped with a message where it is not there.</summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
public sealed class SharedInlineDataAttribute : DataAttribute
{
    private readonly object[] row;

    /// <summary>A row that needs <paramref name="relative"/>.</summary>
    public SharedInlineDataAttribute(string relative, params object[] others)
    {
        row = [relative, .. others];
        if (SharedData.Find(relative) is null) Skip = $"../shared/data/{relative} is not there";
    }

    /// <inheritdoc/>
    public override IEnumerable<object[]> GetData(MethodInfo testMethod) => [row];
}
