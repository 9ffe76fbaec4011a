import {
  type ColumnDefinitionNode,
  DataTypeNode,
  type KyselyPlugin,
  OperationNodeTransformer,
  type PluginTransformQueryArgs,
  type PluginTransformResultArgs,
  type QueryId,
  type QueryResult,
  RawNode,
  type RootOperationNode,
  type UnknownRow,
} from 'kysely'

const TEXT = /^(text|varchar|char)\b/

/**
 * Text columns compare by their bytes, as on SQLite. Under the order of a language, the default of many servers,
 * `report:1#x` and `REPORT:1/x` lie between `report:1/` and `report:10`: forgetting one thing would erase another.
 */
export class ByteOrder implements KyselyPlugin {
  private readonly columns = new Columns()

  transformQuery({ node, queryId }: PluginTransformQueryArgs): RootOperationNode {
    return this.columns.transformNode(node, queryId)
  }

  transformResult({ result }: PluginTransformResultArgs): Promise<QueryResult<UnknownRow>> {
    return Promise.resolve(result)
  }
}

class Columns extends OperationNodeTransformer {
  protected override transformColumnDefinition(node: ColumnDefinitionNode, queryId?: QueryId): ColumnDefinitionNode {
    const column = super.transformColumnDefinition(node, queryId)
    const type = DataTypeNode.is(column.dataType) ? column.dataType.dataType : ''
    return TEXT.test(type) ? { ...column, dataType: RawNode.createWithSql(`${type} collate "C"`) } : column
  }
}
