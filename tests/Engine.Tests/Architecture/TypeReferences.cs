using System.Reflection;
using System.Reflection.Emit;

namespace Faith.Engine.Tests.Architecture;

/// <summary>
/// Which types of an assembly refer to which others, read from the compiled code: base types, interfaces, fields, signatures, local variables
/// and every type, field and method that a method body names. Nested and compiler-generated types count as the type that they stand in.
/// Constants are copied into the code that uses them, so references to them are not seen here.
/// </summary>
internal static class TypeReferences
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    // The instructions by their value; those of two bytes have the negative values.
    private static readonly Dictionary<short, OpCode> Instructions = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => code.Value);

    /// <summary>The pairs of different outermost types of <paramref name="assembly"/> of which the first refers to the second.</summary>
    public static IEnumerable<(Type From, Type To)> Of(Assembly assembly) =>
        assembly.GetTypes()
            .SelectMany(type => Named(type).SelectMany(Parts).Select(to => (From: Outermost(type), To: Outermost(to))))
            .Where(pair => pair.From != pair.To && pair.To.Assembly == assembly)
            .Distinct();

    private static IEnumerable<Type> Named(Type type)
    {
        if (type.BaseType is { } parent) yield return parent;
        foreach (var contract in type.GetInterfaces()) yield return contract;
        foreach (var constraint in Constraints(type.GetGenericArguments())) yield return constraint;
        foreach (var attribute in type.GetCustomAttributesData()) yield return attribute.AttributeType;
        foreach (var field in type.GetFields(Declared)) yield return field.FieldType;
        foreach (var method in type.GetMembers(Declared).OfType<MethodBase>())
        {
            foreach (var named in Signature(method)) yield return named;
            if (method.IsGenericMethodDefinition) foreach (var constraint in Constraints(method.GetGenericArguments())) yield return constraint;
            if (method.GetMethodBody() is not { } body) continue;
            foreach (var local in body.LocalVariables) yield return local.LocalType;
            foreach (var clause in body.ExceptionHandlingClauses.Where(c => c.Flags == ExceptionHandlingClauseOptions.Clause)) yield return clause.CatchType!;
            foreach (var named in Tokens(body.GetILAsByteArray()!).SelectMany(token => Resolved(method, token))) yield return named;
        }
    }

    private static IEnumerable<Type> Constraints(Type[] parameters) => parameters.Where(p => p.IsGenericParameter).SelectMany(p => p.GetGenericParameterConstraints());

    private static IEnumerable<Type> Signature(MethodBase method)
    {
        foreach (var parameter in method.GetParameters()) yield return parameter.ParameterType;
        if (method is MethodInfo { ReturnType: var returned }) yield return returned;
    }

    /// <summary>What a token in the body of <paramref name="method"/> names: a type, or the types that a field or method belongs to and is made of.</summary>
    private static IEnumerable<Type> Resolved(MethodBase method, int token)
    {
        var ofType = method.DeclaringType!.GetGenericArguments();
        var ofMethod = method.IsGenericMethod ? method.GetGenericArguments() : [];
        switch (method.Module.ResolveMember(token, ofType, ofMethod))
        {
            case Type type:
                yield return type;
                break;
            case FieldInfo field:
                yield return field.DeclaringType!;
                yield return field.FieldType;
                break;
            case MethodBase called:
                if (called.DeclaringType is { } owner) yield return owner;
                foreach (var named in Signature(called)) yield return named;
                if (called.IsGenericMethod) foreach (var argument in called.GetGenericArguments()) yield return argument;
                break;
        }
    }

    /// <summary>The tokens of types, fields and methods in a method's code.</summary>
    private static IEnumerable<int> Tokens(byte[] code)
    {
        for (var at = 0; at < code.Length;)
        {
            var isTwoBytes = code[at] == 0xFE;
            var instruction = Instructions[isTwoBytes ? (short)(0xFE00 | code[at + 1]) : code[at]];
            at += isTwoBytes ? 2 : 1;
            switch (instruction.OperandType)
            {
                case OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineTok or OperandType.InlineType:
                    yield return BitConverter.ToInt32(code, at);
                    at += 4;
                    break;
                case OperandType.InlineNone:
                    break;
                case OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar:
                    at += 1;
                    break;
                case OperandType.InlineVar:
                    at += 2;
                    break;
                case OperandType.InlineI8 or OperandType.InlineR:
                    at += 8;
                    break;
                case OperandType.InlineSwitch:
                    at += 4 + 4 * BitConverter.ToInt32(code, at);
                    break;
                default:
                    at += 4;
                    break;
            }
        }
    }

    /// <summary>The types that a type is written with: of an array its elements, of List&lt;EdgeId&gt; List and EdgeId.</summary>
    private static IEnumerable<Type> Parts(Type type)
    {
        if (type.HasElementType) return Parts(type.GetElementType()!);
        if (type.IsGenericParameter || type.IsFunctionPointer) return [];
        return type.IsGenericType ? type.GetGenericArguments().SelectMany(Parts).Prepend(type.GetGenericTypeDefinition()) : [type];
    }

    private static Type Outermost(Type type) => type.DeclaringType is { } outer ? Outermost(outer) : type;
}
